// The scanner: who it is, at which event it stands, and what its buttons do.
import { Api, AwayError, RefusedError } from "./api.js";
import { Camera } from "./camera.js";
import { Door } from "./door.js";
import { bodyOf } from "./queue.js";
import { filled, find, line, notice, show, words } from "./screen.js";
import { signal, stayAwake } from "./signals.js";
import { openStore } from "./store.js";
import { Sync } from "./sync.js";
import { findVerifier } from "./tickets.js";

let code = codeInAddress();
const { paths } = JSON.parse(find("data").textContent);
const language = document.documentElement.lang;
const KEPT_DAYS = 7;

/** @typedef {{event: {id: string, title: string}, token?: string, device: {name: string, door: string}}} Identity */

const store = await openStore().catch((error) => {
  notice(words.no_store);
  throw error;
});
const settings = { session: null, direction: "in", sound: true, camera: "", ...(await store.get("settings")) };
const camera = new Camera(find("video"), paths, (text) => door?.scan(text));
/** @type {Door | null} */
let door = null;

const remember = (changes) => store.set("settings", Object.assign(settings, changes));

// --- Who this is ---

/** Ask who is signed in at this browser, and where they may scan. */
const whoIsThere = () => new Api(language).get(paths.who, 5_000);

/** @returns {Promise<boolean>} whether this device is paired by this code now */
async function pair(code) {
  find("pair-fault").textContent = "";
  const kept = await store.get("identity");
  try {
    const { token, event, device } = await new Api(language).post("/api/devices/pair/", { code: code.trim() });
    const known = typeof event === "string" ? { id: event, title: "" } : { id: event.id, title: event.title ?? "" };
    // Only the answer tells whose code it was.
    if (kept && kept.event.id !== known.id && !(await mayLeave(known.id))) return false;
    await enter({ event: known, token, device: { name: device.name, door: device.door } });
    return true;
  } catch (error) {
    if (!(error instanceof AwayError || error instanceof RefusedError)) throw error;
    const why = error instanceof AwayError ? words.away : error.message;
    if (kept) alert(why); // it stays at its door, where other things are said
    else find("pair-fault").textContent = why;
    return false;
  }
}

async function choose(event) {
  const label = (await store.get("label")) ?? `${words.browser} ${crypto.randomUUID().slice(0, 4)}`;
  await store.set("label", label);
  await enter({ event: { id: event.id, title: event.title }, device: { name: label, door: "" } });
}

/** @param {Identity} identity */
async function enter(identity) {
  if (identity.event.id !== (await store.get("identity"))?.event.id) {
    stop();
    await remember({ session: null });
    await store.forgetBundles();
  }
  await store.set("identity", identity);
  await open(identity);
}

/** Ask, where scans would wait until this device is back at their event. @param {string} [event] where it goes */
async function mayLeave(event) {
  const waiting = (await store.countUnsent()) - (event ? await store.countUnsent(event) : 0);
  return !waiting || confirm(filled(words.kept, { n: waiting }));
}

/** Let another event be chosen, or another code be shown. What was not sent stays. */
async function leave() {
  if (!(await mayLeave())) return;
  stop();
  await store.forget("identity");
  await store.forgetBundles();
  await offer();
}

/** Show how to become a scanner. */
async function offer() {
  show("pair");
  const unsent = await store.countUnsent();
  notice(unsent ? filled(words.kept, { n: unsent }) : "");
  find("events").replaceChildren();
  const { person, events } = await whoIsThere().catch(() => ({ person: null, events: [] }));
  find("sign-in").hidden = Boolean(person);
  find("own").hidden = !events.length;
  find("events").replaceChildren(
    ...events.map((event) =>
      line("event", (part) => {
        part("choose").textContent = event.title;
        part("choose").onclick = () => choose(event);
      }),
    ),
  );
}

// --- At the door ---

let sync = null;

function stop() {
  sync?.stop();
  camera.stop();
  door = sync = null;
  find("camera-off").hidden = false;
  find("viewer").hidden = true;
  notice();
}

/** @param {Identity} identity */
async function open({ event, token, device }) {
  stop();
  const api = new Api(language, { token });
  const prepare = async () => {
    if (token || api.credentials.csrf) return;
    const { csrf, person } = await whoIsThere();
    if (!person) throw new RefusedError(401, { code: "signed_out" });
    api.credentials.csrf = csrf;
  };
  const current = new Sync(store, api, event.id, prepare, Boolean(token), () => door?.sync === current && update(Boolean(token), api));
  sync = current;
  const own = { get name() { return device.name; }, get door() { return token ? device.door : (settings.door ?? ""); } };
  door = new Door({ store, sync, api, verify: await findVerifier(paths.noble), camera, settings, event, device: own });
  find("device").textContent = [device.name, device.door].filter(Boolean).join(" · ");
  find("door-field").hidden = Boolean(token);
  find("door-name").value = settings.door ?? "";
  find("sound").checked = settings.sound;
  show("door");
  await door.refresh();
  await sync.start();
  const allowed = await navigator.permissions?.query({ name: /** @type {any} */ ("camera") }).catch(() => null);
  if (settings.seen && allowed?.state === "granted") await look();
}

/** Show how things stand after the server was asked, or could not be. */
async function update(isDevice, api) {
  const refused = sync.refused;
  if (refused) api.credentials.csrf = undefined; // it may be an old one
  const gone = refused && [401, 403, 404].includes(refused.status);
  if (!gone) notice(refused ? refused.message : "");
  else if (isDevice) notice(words.revoked);
  else notice(words.signed_out, `${paths.login}?next=${encodeURIComponent(paths.page)}`);
  await door.refresh();
}

async function look(id = settings.camera) {
  find("camera-fault").textContent = "";
  try {
    await camera.start(id).catch((error) => {
      if (!id) throw error;
      return camera.start(); // the one that was chosen is not there
    });
  } catch (error) {
    find("camera-fault").textContent = error.name === "NotAllowedError" ? words.camera_denied : words.camera_missing;
    return;
  }
  await remember({ camera: id, seen: true });
  find("camera-off").hidden = true;
  find("viewer").hidden = false;
  find("torch").hidden = !camera.hasTorch;
  find("torch").setAttribute("aria-pressed", "false");
  const all = await Camera.all();
  find("camera-field").hidden = all.length < 2;
  find("camera").replaceChildren(...all.map(({ label, deviceId }) => new Option(label, deviceId, false, deviceId === camera.id)));
  stayAwake();
}

/** Hand out what was not sent, in the form in which the API takes it. */
async function exportScans() {
  const scans = (await store.unsent()).map((scan) => bodyOf(scan, door?.sync.offset ?? null));
  const file = new Blob([JSON.stringify({ scans }, null, 2)], { type: "application/json" });
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(file), download: "scans.json" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// --- Buttons ---

/** @param {string} name of a form @param {(value: string) => unknown} deed with what was typed */
function onSubmit(name, deed) {
  find(name).addEventListener("submit", (event) => {
    event.preventDefault();
    const field = event.target.elements[0];
    const text = field.value.trim();
    if (text) deed(text);
    if (name === "typed") field.value = "";
  });
}

onSubmit("typed", (text) => door.scan(text));
onSubmit("code", (text) => pair(text));
onSubmit("search", async (text) => {
  find("search-said").textContent = await door.search(text);
});
onSubmit("undoing", async (reason) => {
  find("undo").open = false;
  find("undo-said").textContent = await door.undo(reason);
});
find("start").onclick = () => look();
find("camera").onchange = ({ target }) => look(target.value);
find("torch").onclick = async ({ currentTarget: button }) => {
  const on = button.getAttribute("aria-pressed") !== "true";
  await camera.light(on);
  button.setAttribute("aria-pressed", String(on));
};
find("session").onchange = ({ target }) => remember({ session: target.value || null }).then(() => door.refresh());
find("direction").onchange = ({ target }) => remember({ direction: target.value }).then(() => door.refresh());
find("door-name").onchange = ({ target }) => remember({ door: target.value.trim() });
find("sound").onchange = ({ target }) => remember({ sound: target.checked }).then(() => target.checked && signal("yes"));
find("export").onclick = exportScans;
find("leave").onclick = leave;

// A hand-held scanner types: what it types goes into the field, wherever the cursor is. No ticket has a space in it, and
// who goes by the keys presses a button with one.
addEventListener("keydown", (event) => {
  const isOn = (names) => /** @type {Element} */ (event.target).closest?.(names);
  const isTyping = isOn("input, select, textarea") || (event.key === " " && isOn("button, summary, a"));
  if (event.key === "Escape") find("result").click();
  if (door && !isTyping && event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) find("read").focus();
});

// --- The beginning ---

/** Take a code out of the address, before anybody sees it there. */
function codeInAddress() {
  const code = new URLSearchParams(location.hash.slice(1)).get("pair");
  if (location.hash) history.replaceState(null, "", location.pathname);
  return code;
}

async function begin() {
  if (code && (await pair(code))) return;
  const identity = await store.get("identity");
  if (!identity) await offer();
  else if (!door) await open(identity); // one that is open goes on
}

addEventListener("hashchange", () => {
  code = codeInAddress();
  if (code) begin();
});
navigator.serviceWorker?.register(paths.worker, { scope: paths.page }).catch(() => {}); // it works without, while there is network
navigator.storage?.persist?.();
await store.prune(new Date(Date.now() - KEPT_DAYS * 86_400_000));
await begin();
