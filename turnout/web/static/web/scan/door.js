// The door of one event: what is scanned, searched and undone there.
import { AwayError, RefusedError } from "./api.js";
import { settle, bodyOf } from "./queue.js";
import { choices, clockTime, connection, filled, find, line, said, showResult, words } from "./screen.js";
import { signal } from "./signals.js";
import { keyOf } from "./store.js";
import { isTicketLike, keyToName, openName } from "./tickets.js";
import { judge, signOf } from "./verdicts.js";

const PATIENCE = 2_500; // milliseconds that somebody at the door waits for the server

/** @typedef {import("./store.js").Scan} Scan */

export class Door {
  /** @type {any} */
  #bundle;
  /** @type {{scan: Scan, view: any} | null} */
  #last = null;
  #turn = Promise.resolve();

  /**
   * @param {{store: import("./store.js").Store, sync: import("./sync.js").Sync, api: import("./api.js").Api,
   *   verify: import("./tickets.js").Verifier, camera: import("./camera.js").Camera, settings: any, event: {id: string, title: string},
   *   device: {name: string, door: string}}} parts
   */
  constructor({ store, sync, api, verify, camera, settings, event, device }) {
    this.store = store;
    this.sync = sync;
    this.api = api;
    this.verify = verify;
    this.camera = camera;
    this.settings = settings;
    this.event = event;
    this.device = device;
  }

  /** Show what is known now. */
  async refresh() {
    const { store, event, sync } = this;
    this.#bundle = await store.bundle(event.id);
    const [unsent, differing] = [await store.countUnsent(), await store.countDiffering(event.id)];
    connection({ reachable: sync.reachable, unsent, differing });
    find("export").hidden = !unsent;
    find("title").textContent = this.#bundle?.event.title ?? event.title;
    const last = this.#last;
    if (last) last.scan = await store.scan(last.scan.scan_id); // it may have been sent since
    this.#showPlaces();
    this.#showLast();
  }

  #showPlaces() {
    const time = (session) => clockTime(session.starts_at, this.#bundle.event.timezone);
    const text = (session) => [time(session), session.title, session.room].filter(Boolean).join(" · ");
    const sessions = (this.#bundle?.sessions ?? []).map((session) => ({ value: session.id, text: text(session) }));
    const chosen = this.settings.session ?? "";
    // One that was chosen stays, even where it is not known yet.
    const isMissing = chosen && !sessions.some(({ value }) => value === chosen);
    choices("session", [{ value: "", text: words.whole }, ...sessions, ...(isMissing ? [{ value: chosen, text: "…" }] : [])], chosen);
    find("direction").value = this.settings.direction;
    for (const deed of find("people").querySelectorAll("[data-part=deed]")) deed.textContent = this.#deed;
    find("where").textContent = [find("session").selectedOptions[0].text, find("direction").selectedOptions[0].text].join(" · ");
  }

  /** Scan a text, after all that was scanned before it. @param {string} read */
  scan(read) {
    if (!isTicketLike(read)) return this.#say({ sign: "no", title: words.results.invalid_ticket, lines: [words.no_ticket] });
    return this.#inTurn(async () => {
      const verdict = await judge(read, this.#where, this.#bundle, this.store, this.verify);
      const scan = { ...this.#blank(verdict.result), ticket: read, ticket_id: verdict.ticket?.id ?? null };
      return this.#take(this.#placed(scan), await this.#view(verdict));
    });
  }

  /** Let in, or out, somebody who was found by name. @param {{id: string, full_name: string}} person */
  admit(person) {
    const view = { sign: "look", title: words.results.queued, name: person.full_name, lines: [words.queued] };
    const scan = { ...this.#blank("queued"), registration: person.id, ticket_id: null };
    return this.#inTurn(() => this.#take(scan, view));
  }

  #inTurn(deed) {
    const failed = (error) => {
      this.#say({ sign: "no", title: words.refused, lines: [words.failed] });
      throw error;
    };
    // Asked when its turn comes: by the one before it the door may be closed.
    const ifOpen = () => (this.isClosed ? this.#say({ sign: "no", title: words.refused, lines: [words.revoked] }) : deed());
    this.#turn = this.#turn.then(ifOpen, ifOpen).catch(failed);
    return this.#turn;
  }

  /** Whether the team has taken this device off the door. */
  get isClosed() {
    return Boolean(this.api.credentials.token) && this.sync.refused?.status === 401;
  }

  get #where() {
    return { event: this.event.id, session: this.settings.session, direction: this.settings.direction };
  }

  /** @returns {any} */
  #blank(result) {
    const scanned_at = new Date().toISOString();
    const { name: device, door } = this.device;
    const known = { scanned_at, clock_offset_ms: this.sync.offset, device, door, unsent: this.event.id };
    return { scan_id: crypto.randomUUID(), ...this.#where, ...known, result };
  }

  #placed(scan) {
    if (!scan.ticket_id || signOf(scan.result) !== "yes") return scan;
    return { ...scan, place: keyOf(scan.event, scan.ticket_id, scan.session) };
  }

  /** Keep a scan, ask what it comes to, and show that; what the device itself makes of it where nobody answers. @param {Scan} scan */
  async #take(scan, view) {
    await this.store.keep(scan);
    if (!this.sync.reachable) return this.#end(scan, { ...view, offline: true });
    // Nobody is let in by what might be taken back in a moment.
    this.camera.hold(true);
    showResult(view.sign === "no" ? view : { sign: "wait", title: words.checking, name: view.name }, () => {});
    this.sync.asking.add(scan.scan_id);
    try {
      const said = await this.api.post("/api/attendance/check-in/", bodyOf(scan, this.sync.offset), PATIENCE);
      const settled = this.#placed(settle(scan, said, new Date()));
      await this.store.keep(settled);
      return this.#end(settled, this.#viewOfAnswer(said, view));
    } catch (error) {
      return this.#fallBack(error, scan, view);
    } finally {
      this.sync.asking.delete(scan.scan_id);
    }
  }

  async #fallBack(error, scan, view) {
    const local = { ...view, offline: true }, refusal = { sign: "no", title: words.refused, lines: [error.message] };
    if (error instanceof AwayError) {
      this.sync.lost();
      return this.#end(scan, local);
    }
    if (!(error instanceof RefusedError)) throw error;
    if ([401, 403].includes(error.status)) {
      await this.sync.soon();
      if (!this.isClosed) return this.#end(scan, local);
      // Paired again, the device sends it as what was shown: nobody passed by it.
      const refused = { ...scan, result: "refused" };
      await this.store.keep(refused);
      return this.#end(refused, refusal);
    }
    const settled = settle(scan, { result: "refused" }, new Date());
    await this.store.keep(settled);
    return this.#end(settled, view.sign === "no" ? view : refusal);
  }

  #end(scan, view) {
    this.#last = { scan, view };
    this.#say(view);
    return this.refresh();
  }

  /** @param {any} view */
  #say(view) {
    this.camera.hold(true);
    if (this.settings.sound) signal(view.sign);
    showResult(view, () => this.camera.hold(false));
  }

  // --- Words for what a scan came to ---

  /** @param {import("./verdicts.js").Verdict} verdict */
  async #view({ result, ticket, first, why }) {
    const person = ticket ? await this.#nameOf(ticket) : null;
    const lines = [why ? words.unknown_key : words.reasons[result], this.#since(first), ...this.#facts(person)];
    return { sign: signOf(result), title: words.results[result], name: person?.name, lines: lines.filter(Boolean) };
  }

  #viewOfAnswer({ result, reason, first, registration }, view) {
    const sign = signOf(result);
    const why = sign === "no" ? reason : this.#since(first);
    const lines = [why, ...this.#facts(registration)].filter(Boolean);
    return { sign, title: words.results[result] ?? reason, name: registration?.full_name ?? view.name, lines };
  }

  #since(first) {
    if (!first) return "";
    const place = [first.door, first.device].filter(Boolean)[0];
    const time = clockTime(first.at, this.#bundle?.event.timezone);
    return place ? filled(words.since_at, { time, place }) : filled(words.since, { time });
  }

  #facts(person) {
    return [person?.note, ...(person?.answers ?? []).map(({ label, answer }) => `${label}: ${said(answer)}`)];
  }

  /** Return what the bundle says of somebody, which only their ticket opens. */
  async #nameOf(ticket) {
    try {
      const { lookup, key } = await keyToName(ticket);
      const sealed = await this.store.sealedName(this.event.id, lookup);
      return sealed ? await openName(sealed, key) : null;
    } catch {
      return null; // no name is no reason to keep somebody waiting
    }
  }

  // --- The last scan, and how it is undone ---

  #showLast() {
    find("last").hidden = !this.#last;
    if (!this.#last) return;
    const { scan, view } = this.#last;
    find("last-title").textContent = [view.title, view.name].filter(Boolean).join(": ");
    find("last-time").textContent = clockTime(scan.scanned_at, this.#bundle?.event.timezone);
    find("undo").hidden = scan.unsent !== undefined || signOf(scan.result) !== "yes" || !this.sync.reachable;
  }

  /** @param {string} reason @returns {Promise<string>} what to say of it */
  async undo(reason) {
    const { scan } = this.#last;
    try {
      await this.api.post(`/api/attendance/${scan.scan_id}/undo/`, { reason, event: this.event.id });
    } catch (error) {
      if (error instanceof AwayError) this.sync.lost();
      return error instanceof AwayError ? words.away : error.message;
    }
    await this.store.keep({ ...scan, result: "undone" });
    this.#last = null;
    await this.refresh();
    return words.undone;
  }

  // --- Somebody without a ticket ---

  /** @param {string} q @returns {Promise<string>} what to say where nobody is shown */
  async search(q) {
    find("people").replaceChildren();
    try {
      const { session } = this.settings;
      const asked = new URLSearchParams({ q, ...(session && { session }) });
      const { results } = await this.api.get(`/api/events/${this.event.id}/check-in/people/?${asked}`);
      find("people").replaceChildren(...results.map((person) => this.#person(person)));
      return results.length ? "" : words.nobody;
    } catch (error) {
      return error instanceof AwayError ? words.away : error.message;
    }
  }

  /** What is done with somebody who was found. */
  get #deed() {
    return words.deeds[this.settings.direction];
  }

  #person(person) {
    const time = (at) => filled(words.since, { time: clockTime(at, this.#bundle?.event.timezone) });
    return line("person", (part) => {
      part("name").textContent = person.full_name;
      part("facts").textContent = person.checked_in_at ? time(person.checked_in_at) : (words.statuses[person.status] ?? "");
      part("deed").textContent = this.#deed;
      part("whose").textContent = person.full_name;
      part("admit").onclick = () => this.admit(person);
    });
  }
}
