// What waits to be sent.
import { signOf } from "./verdicts.js";

const BATCH = 200;
const FIRST_PAUSE = 2_000, LONGEST_PAUSE = 60_000;

/** @typedef {import("./store.js").Scan} Scan */

/** Return a scan as the API takes it. @param {Scan} scan @param {number | null} offset where none was known then */
export function bodyOf(scan, offset) {
  const { scan_id, event, session, direction, scanned_at, device, door } = scan;
  const who = scan.ticket === undefined ? { registration: scan.registration } : { ticket: scan.ticket };
  const rest = { ...(session && { session }), ...(device && { device }), ...(door && { door }) };
  // Who was found by name was let in before the server was asked, and its word is still to come.
  const passed = scan.result === "queued" || signOf(scan.result) === "yes";
  return { ...who, scan_id, event, direction, scanned_at, clock_offset_ms: scan.clock_offset_ms ?? offset ?? 0, passed, ...rest };
}

/** Return a scan as it is once the server has said what it comes to. @param {Scan} scan @param {{result: string}} said @param {Date} now @returns {Scan} */
export function settle(scan, { result }, now) {
  const { unsent: _unsent, ticket: _ticket, ...rest } = scan;
  return { ...rest, result, sent_at: now.toISOString() };
}

/** The same of one by which somebody was let in or not before the server was asked. @param {Scan} scan @param {{result: string}} said @param {Date} now @returns {Scan} */
export function settleLate(scan, said, now) {
  const differs = signOf(scan.result) === "yes" && signOf(said.result) !== "yes";
  return { ...settle(scan, said, now), ...(differs && { differing: scan.event }) };
}

/** Return for how long to leave the server alone after so many failures in a row. @param {number} failures @param {number} chance from 0 to 1 */
export function pause(failures, chance) {
  return Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (failures - 1)) * (0.75 + chance / 2);
}

/**
 * Return what each scan comes to. Where the server can't read some, all others are sent without them: one bad scan
 * keeps no other back.
 */
async function answers(send, scans, about) {
  try {
    return (await send({ scans, ...about })).results;
  } catch (error) {
    if (error.status !== 400 && error.status !== 413) throw error;
    if (scans.length === 1) return [{ scan_id: scans[0].scan_id, result: "malformed" }];
    const half = scans.length >> 1;
    return [...(await answers(send, scans.slice(0, half), about)), ...(await answers(send, scans.slice(half), about))];
  }
}

/**
 * Send all that waits, a batch at a time; each is kept as sent before the next one goes.
 * @param {{unsent: Function, keep: Function}} store
 * @param {(body: object) => Promise<{results: {scan_id: string, result: string}[]}>} send
 * @param {string} event
 * @param {{offset: number | null, asking: Set<string>, about: () => Promise<object>}} now what is known: of the clock,
 *   which scans are being asked about at this moment, and of the device
 */
export async function flush(store, send, event, { offset, asking, about }) {
  for (;;) {
    /** @type {Scan[]} */
    const waiting = await store.unsent(event, BATCH + asking.size);
    const batch = waiting.filter(({ scan_id: id }) => !asking.has(id)).slice(0, BATCH);
    if (!batch.length) return;
    const results = await answers(send, batch.map((scan) => bodyOf(scan, offset)), await about());
    await store.keep(...batch.map((scan, place) => settleLate(scan, results[place], new Date())));
  }
}
