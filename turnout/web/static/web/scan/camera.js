// The camera, and what reads codes from it.
const PAUSE = 100; // milliseconds between looks: the rest of the time is the phone's own
const WIDEST = 960; // pixels that the reader of ours is given: more costs an old phone time and finds no more codes
const AGAIN = 4_000; // for so long after it was last seen a code is the same one, still held before the camera

/** Tells a code that is still held before the camera from one that comes. */
export class Repeats {
  #text = "";
  #seen = 0;

  /** Tell whether this is a new one; while nobody looks none is. @param {string} text @param {number} now @param {boolean} held */
  admits(text, now, held) {
    const isNew = text !== this.#text || now - this.#seen > AGAIN;
    if (isNew && held) return false;
    [this.#text, this.#seen] = [text, now];
    return isNew;
  }
}

/** @typedef {(video: HTMLVideoElement) => Promise<string | null>} Reader */

/** @returns {Promise<Reader | null>} the browser's own reader, if it has one */
async function ownReader() {
  const Detector = /** @type {any} */ (globalThis).BarcodeDetector; // which no library of types knows yet
  const formats = await Detector?.getSupportedFormats().catch(() => []);
  if (!formats?.includes("qr_code")) return null;
  const detector = new Detector({ formats: ["qr_code"] });
  return async (video) => (await detector.detect(video))[0]?.rawValue ?? null;
}

/** @param {{ponyfill: string, wasm: string}} paths @returns {Promise<Reader>} ours, which every browser can run */
async function ourReader({ ponyfill, wasm }) {
  const { BarcodeDetector: Detector, prepareZXingModule } = await import(ponyfill);
  prepareZXingModule({ overrides: { locateFile: () => wasm } });
  const detector = new Detector({ formats: ["qr_code"] });
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  return async (video) => {
    const scale = Math.min(1, WIDEST / video.videoWidth);
    canvas.width = video.videoWidth * scale;
    canvas.height = video.videoHeight * scale;
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    return (await detector.detect(context.getImageData(0, 0, canvas.width, canvas.height)))[0]?.rawValue ?? null;
  };
}

export class Camera {
  /** @type {MediaStream | null} */
  #stream = null;
  #repeats = new Repeats();
  #held = false;
  #run = 0; // which start this is: a look of an earlier one is over

  /** @param {HTMLVideoElement} video @param {{ponyfill: string, wasm: string}} paths @param {(text: string) => void} hear */
  constructor(video, paths, hear) {
    this.video = video;
    this.paths = paths;
    this.hear = hear;
  }

  /** Look through the camera of this id, or through the one at the back. @param {string} [id] */
  async start(id) {
    this.stop();
    const which = id ? { deviceId: { exact: id } } : { facingMode: { ideal: "environment" } };
    const wanted = { video: { ...which, width: { ideal: 1280 }, height: { ideal: 720 } } };
    this.#stream = await navigator.mediaDevices.getUserMedia(wanted);
    this.video.srcObject = this.#stream;
    await this.video.play();
    this.#look(++this.#run, (await ownReader()) ?? (await ourReader(this.paths)));
  }

  stop() {
    this.#run++;
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = this.video.srcObject = null;
  }

  /** See nothing while a result is shown. @param {boolean} held */
  hold(held) {
    this.#held = held;
  }

  async #look(run, read) {
    while (run === this.#run) {
      try {
        const text = this.video.readyState >= 2 && !document.hidden ? await read(this.video) : null;
        if (text && run === this.#run && this.#repeats.admits(text, Date.now(), this.#held)) this.hear(text);
      } catch {
        read = await ourReader(this.paths); // some phones have a reader that does not work
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }

  /** @returns {Promise<MediaDeviceInfo[]>} known once one of them was allowed */
  static async all() {
    return (await navigator.mediaDevices.enumerateDevices()).filter(({ kind, deviceId }) => kind === "videoinput" && deviceId);
  }

  get #track() {
    return this.#stream?.getVideoTracks()[0];
  }

  get id() {
    return this.#track?.getSettings().deviceId ?? "";
  }

  get hasTorch() {
    return Boolean(/** @type {any} */ (this.#track?.getCapabilities?.())?.torch);
  }

  /** @param {boolean} on */
  async light(on) {
    await this.#track?.applyConstraints(/** @type {any} */ ({ advanced: [{ torch: on }] }));
  }
}
