// By how much the device's clock is off. All in milliseconds; an offset is what to add to the device's clock.
const FRESH = 600_000; // a clock drifts: what was measured longer ago counts only while there is nothing newer

/** @typedef {{offset: number, rtt: number, at: number}} Sample */

/** Measure by one request. @param {number} sent @param {number} came both by the device's clock @param {number} server its clock in between @returns {Sample} */
export const measure = (sent, came, server) => ({ offset: Math.round(server - (sent + came) / 2), rtt: came - sent, at: came });

// Each is right to half its round trip. Two that cannot both be right mean that the clock was set in between.
const agree = (one, other) => Math.abs(one.offset - other.offset) <= (one.rtt + other.rtt) / 2 + 50;

/**
 * Return the samples worth keeping, the best first: of those that are fresh, and agree with the newest, that of the
 * shortest round trip.
 * @param {Sample[]} kept @param {Sample} newest
 */
export function learn(kept, newest) {
  const fresh = ({ at }) => Math.abs(newest.at - at) < FRESH;
  return [newest, ...kept.filter((each) => fresh(each) && agree(each, newest))].sort((a, b) => a.rtt - b.rtt).slice(0, 20);
}

/** @param {Sample[]} kept @returns {number | null} */
export const offsetOf = (kept) => kept[0]?.offset ?? null;
