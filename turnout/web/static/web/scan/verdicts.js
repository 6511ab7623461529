// What a scan comes to, as far as this device can tell.
import { check, parse } from "./tickets.js";

const SEEN_LATE = 30_000; // what was sent just before a bundle was made may not be in it yet

/** @typedef {import("./store.js").Scan} Scan */
/** @typedef {{result: string, ticket: import("./tickets.js").Ticket | null, first?: {at: string, device: string, door: string} | null, why?: string}} Verdict */

/** How a result is shown: somebody goes in, has been in, or does not go in. @param {string} result */
export function signOf(result) {
  if (result === "checked_in" || result === "checked_out") return "yes";
  return result === "already_checked_in" || result === "queued" ? "look" : "no";
}

/** Tell whether a scan may be too new for a bundle. @param {Scan} scan @param {string} asOf when the bundle was made */
function isNews({ unsent, sent_at: sent }, asOf) {
  return unsent || !sent || new Date(sent).getTime() >= new Date(asOf || 0).getTime() - SEEN_LATE;
}

/**
 * What the server said last of a ticket that holds no more, where no bundle can know it yet: a no stays a no.
 * @param {Scan[]} own of that ticket at that place @param {string} asOf when the bundle was made
 * @returns {string | null}
 */
export function lastRefusal(own, asOf) {
  const said = own.filter((scan) => !scan.unsent && isNews(scan, asOf)).sort((a, b) => (a.sent_at < b.sent_at ? -1 : 1));
  const last = said.at(-1)?.result ?? "";
  return ["cancelled", "revoked", "not_confirmed"].includes(last) ? last : null;
}

/**
 * What the device itself knows of where somebody is: its own scans that no bundle can know yet, by their order.
 * @param {Scan[]} own of that ticket at that place @param {string} asOf when the bundle was made
 * @returns {Scan | null} the last of them that counts, if any
 */
export function lastOwn(own, asOf) {
  const counts = (scan) => signOf(scan.result) === "yes" && isNews(scan, asOf);
  const moment = ({ scanned_at: at, clock_offset_ms: offset }) => new Date(at).getTime() + (offset ?? 0);
  return own.filter(counts).sort((a, b) => moment(a) - moment(b)).at(-1) ?? null;
}

/**
 * Judge without network.
 * @param {string} read
 * @param {{event: string, session: string | null, direction: "in" | "out"}} where
 * @param {{public_keys: Record<string, string>, asked_at: string} | undefined} bundle
 * @param {{isRevoked: Function, admittedAt: Function, scansAt: Function}} known
 * @param {import("./tickets.js").Verifier} verify
 * @returns {Promise<Verdict>}
 */
export async function judge(read, { event, session, direction }, bundle, known, verify) {
  const ticket = parse(read);
  if (!ticket) return { result: "invalid_ticket", ticket };
  const signature = await check(ticket, bundle?.public_keys ?? {}, verify);
  if (signature !== "true") {
    const why = signature === "unknown_key" ? signature : undefined;
    return { result: "invalid_ticket", ticket: why ? ticket : null, why };
  }
  if (ticket.event !== event) return { result: "wrong_event", ticket };
  if (await known.isRevoked(event, ticket.id)) return { result: "revoked", ticket };
  const here = await known.scansAt(event, ticket.id, session);
  const refusal = lastRefusal(here, bundle?.asked_at ?? "");
  if (refusal) return { result: refusal, ticket };
  if (direction === "out") return { result: "checked_out", ticket };
  const own = lastOwn(here, bundle?.asked_at ?? "");
  if (own?.direction === "out") return { result: "checked_in", ticket };
  const at = await known.admittedAt(event, ticket.id, session);
  if (at !== undefined) return { result: "already_checked_in", ticket, first: { at, device: "", door: "" } };
  if (!own) return { result: "checked_in", ticket };
  return { result: "already_checked_in", ticket, first: { at: own.scanned_at, device: own.device, door: own.door } };
}
