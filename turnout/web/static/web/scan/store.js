// What the scanner keeps on the device: who it is, what it knows of its events, and every scan until it is sent.
const NAME = "turnout-scanner", VERSION = 1;
const PARTS = ["revoked", "admitted", "names"]; // of a bundle: by event, then by ticket

/**
 * @typedef {object} Scan
 * @property {string} scan_id
 * @property {string} event
 * @property {string} [ticket] the text that was read, until the server has it: nobody else needs to
 * @property {string} [registration] where somebody was found by name
 * @property {string | null} ticket_id
 * @property {string | null} session
 * @property {"in" | "out"} direction
 * @property {string} scanned_at by the device's clock
 * @property {number | null} clock_offset_ms null where it was not known yet
 * @property {string} device
 * @property {string} door
 * @property {string} result what was shown here; what the server said once it has
 * @property {string} [unsent] the event again, until the server has it: the index holds nothing else
 * @property {string} [place] the event, the ticket and the session, where it may be an entry
 * @property {string} [sent_at]
 * @property {string} [differing] the event again, where somebody was let in here and the server says otherwise
 */

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
const answer = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** @param {IDBTransaction} transaction @returns {Promise<void>} */
const done = (transaction) =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });

/** @param {...(string | null)} parts */
export const keyOf = (...parts) => parts.map((part) => part ?? "").join(" ");
const within = (...parts) => IDBKeyRange.bound(`${keyOf(...parts)} `, `${keyOf(...parts)} \uffff`);

export async function openStore() {
  const request = indexedDB.open(NAME, VERSION);
  request.onupgradeneeded = () => {
    const base = request.result;
    for (const name of ["kept", "bundles", ...PARTS]) base.createObjectStore(name);
    const scans = base.createObjectStore("scans", { keyPath: "scan_id" });
    scans.createIndex("unsent", "unsent");
    scans.createIndex("place", "place");
    scans.createIndex("differing", "differing");
  };
  return new Store(await answer(request));
}

export class Store {
  /** @param {IDBDatabase} base */
  constructor(base) {
    this.base = base;
    base.onversionchange = () => base.close();
  }

  /** @param {string} name */
  #read(name) {
    return this.base.transaction(name).objectStore(name);
  }

  /** A write is on the disk when its promise is kept: the battery may go at any moment. */
  async #write(names, deed) {
    const transaction = this.base.transaction(names, "readwrite", { durability: "strict" });
    deed(...[names].flat().map((name) => transaction.objectStore(name)));
    await done(transaction);
  }

  /** @param {string} key */
  get(key) {
    return answer(this.#read("kept").get(key));
  }

  /** @param {string} key @param {unknown} value */
  set(key, value) {
    return this.#write("kept", (kept) => kept.put(value, key));
  }

  /** @param {string} key */
  forget(key) {
    return this.#write("kept", (kept) => kept.delete(key));
  }

  // --- What is known of an event ---

  /** Take in what the server told; all that was known before is forgotten if it says so. */
  merge(event, { revoked, cleared, admitted, names, whole, ...rest }) {
    return this.#write(["bundles", ...PARTS], (bundles, bad, inside, sealed) => {
      if (whole) for (const part of [bad, inside, sealed]) part.delete(within(event));
      bundles.put(rest, event);
      for (const ticket of revoked) bad.put(1, keyOf(event, ticket));
      for (const ticket of cleared) inside.delete(within(event, ticket));
      for (const { ticket, session, at } of admitted) inside.put(at, keyOf(event, ticket, session));
      for (const [lookup, name] of Object.entries(names ?? {})) sealed.put(name, keyOf(event, lookup));
    });
  }

  bundle(event) {
    return answer(this.#read("bundles").get(event));
  }

  async isRevoked(event, ticket) {
    return (await answer(this.#read("revoked").get(keyOf(event, ticket)))) !== undefined;
  }

  admittedAt(event, ticket, session) {
    return answer(this.#read("admitted").get(keyOf(event, ticket, session)));
  }

  sealedName(event, lookup) {
    return answer(this.#read("names").get(keyOf(event, lookup)));
  }

  /** Forget what is known of all events; what was scanned stays. */
  forgetBundles() {
    return this.#write(["bundles", ...PARTS], (...parts) => parts.forEach((part) => part.clear()));
  }

  // --- What was scanned ---

  /** @param {Scan[]} scans */
  keep(...scans) {
    return this.#write("scans", (kept) => scans.forEach((scan) => kept.put(scan)));
  }

  /** @param {string} name @returns {Promise<Scan>} */
  scan(name) {
    return answer(this.#read("scans").get(name));
  }

  /** @param {string} [event] of all, if none is named @param {number} [most] @returns {Promise<Scan[]>} */
  unsent(event, most) {
    return answer(this.#read("scans").index("unsent").getAll(event, most));
  }

  /** @param {string} [event] of all, if none is named @returns {Promise<number>} */
  countUnsent(event) {
    return answer(this.#read("scans").index("unsent").count(event));
  }

  /** @returns {Promise<Scan[]>} of one ticket at one place */
  scansAt(event, ticket, session) {
    return answer(this.#read("scans").index("place").getAll(keyOf(event, ticket, session)));
  }

  /** Return the events of which something waits to be sent. @returns {Promise<string[]>} */
  async waitingEvents() {
    return [...new Set((await this.unsent()).map(({ event }) => event))];
  }

  /** @returns {Promise<number>} */
  countDiffering(event) {
    return answer(this.#read("scans").index("differing").count(event));
  }

  /** Forget scans that were sent long ago. @param {Date} before */
  async prune(before) {
    const old = (await answer(this.#read("scans").getAll())).filter(
      (scan) => !scan.unsent && new Date(scan.scanned_at) < before,
    );
    if (old.length) await this.#write("scans", (kept) => old.forEach(({ scan_id: id }) => kept.delete(id)));
  }
}
