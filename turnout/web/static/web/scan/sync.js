// Between the device and the server: what was scanned goes there, what is new comes here, as often as it can be reached.
import { AwayError, RefusedError } from "./api.js";
import { learn, measure, offsetOf } from "./clock.js";
import { flush, pause } from "./queue.js";
import { power } from "./signals.js";

const EVERY = 30_000, AT_ONCE = 1_000;

export class Sync {
  /** Whether the server answered the last time it was asked. */
  reachable = false;
  /** @type {RefusedError | null} why it will have no more of us */
  refused = null;
  /** @type {Set<string>} scans that are being asked about at this moment */
  asking = new Set();
  /** @type {import("./clock.js").Sample[]} */
  #samples = [];
  #failures = 0;
  /** @type {any} */
  #timer = 0;
  /** @type {Promise<void> | null} */
  #running = null;
  #stopped = false;

  /**
   * @param {import("./store.js").Store} store @param {import("./api.js").Api} api @param {string} event
   * @param {() => Promise<void>} prepare what has to be so before anything is asked
   * @param {boolean} isDevice which says how it is, too
   * @param {() => void} changed
   */
  constructor(store, api, event, prepare, isDevice, changed) {
    this.store = store;
    this.api = api;
    this.event = event;
    this.prepare = prepare;
    this.isDevice = isDevice;
    this.changed = changed;
    this.again = () => document.hidden || this.soon();
    this.gone = () => this.lost();
  }

  async start() {
    this.#samples = (await this.store.get("clock")) ?? [];
    addEventListener("online", this.again);
    addEventListener("offline", this.gone);
    document.addEventListener("visibilitychange", this.again);
    this.soon();
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    removeEventListener("online", this.again);
    removeEventListener("offline", this.gone);
    document.removeEventListener("visibilitychange", this.again);
  }

  get offset() {
    return offsetOf(this.#samples);
  }

  /** Say that nobody answered: from now on nobody waits for an answer until one has come. */
  lost() {
    this.reachable = false;
    this.#plan(pause(++this.#failures, Math.random()));
    this.changed();
  }

  /** Do now what is due. */
  soon() {
    this.#running ??= this.#round().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  #plan(wait) {
    clearTimeout(this.#timer);
    if (!this.#stopped) this.#timer = setTimeout(() => this.soon(), wait);
  }

  async #round() {
    try {
      await this.prepare();
      await this.#fetchBundle();
      await this.#flush(this.event);
      await this.#flushOthers();
      if (this.isDevice) await this.api.post("/api/devices/me/", await this.#about());
      [this.reachable, this.refused, this.#failures] = [true, null, 0];
      this.#plan((await this.store.countUnsent(this.event)) ? AT_ONCE : EVERY); // some came while this went on
    } catch (error) {
      if (error instanceof RefusedError) this.refused = error;
      this.lost();
      if (!(error instanceof RefusedError || error instanceof AwayError)) throw error;
    } finally {
      this.changed();
    }
  }

  async #fetchBundle() {
    const cursor = (await this.store.bundle(this.event))?.cursor;
    const since = cursor === undefined ? "" : `?since=${encodeURIComponent(cursor)}`;
    const sent = Date.now();
    const bundle = await this.api.get(`/api/events/${this.event}/check-in/bundle/${since}`);
    if (this.#stopped) throw new AwayError("left"); // what was known here is forgotten by now
    this.#samples = learn(this.#samples, measure(sent, Date.now(), new Date(bundle.server_time).getTime()));
    await this.store.set("clock", this.#samples);
    await this.store.merge(this.event, { ...bundle, asked_at: new Date(sent).toISOString() });
    this.changed();
  }

  /** What was scanned at other events before can still be sent by a person; where they may not any more it stays. */
  async #flushOthers() {
    if (this.isDevice) return;
    for (const event of await this.store.waitingEvents()) {
      if (event === this.event) continue;
      await this.#flush(event).catch((error) => {
        if (!(error instanceof RefusedError)) throw error;
      });
    }
  }

  #flush(event) {
    const send = (body) => this.api.post("/api/attendance/sync/", body, 60_000);
    return flush(this.store, send, event, { offset: this.offset, asking: this.asking, about: () => this.#about() });
  }

  /** What the team sees of a device. */
  async #about() {
    const queued = await this.store.countUnsent(this.event);
    return { ...(await power()), queued, sent_at: new Date().toISOString(), clock_offset_ms: this.offset ?? 0 };
  }
}
