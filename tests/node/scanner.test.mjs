// The scanner's parts that ask nobody: what a ticket says, what a scan comes to, what is sent, what time it is.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const at = (path) => new URL(`../../${path}`, import.meta.url);
const part = (name) => import(at(`turnout/web/static/web/scan/${name}.js`));
const { check, decode, findVerifier, keyToName, openName, parse } = await part("tickets");
const { judge, lastOwn, lastRefusal } = await part("verdicts");
const { bodyOf, flush, pause, settle, settleLate } = await part("queue");
const { learn, measure, offsetOf } = await part("clock");
const { Repeats } = await part("camera");

const { bundle, tickets } = JSON.parse(readFileSync(at("docs/ticket-vectors.json"), "utf-8"));
const EVENT = bundle.event.id;
const NOBLE = at("turnout/web/static/web/vendor/noble-ed25519-3.2.0/ed25519.js");
const ours = await findVerifier("");

async function withoutEd25519(deed) {
  const { importKey } = crypto.subtle;
  crypto.subtle.importKey = (form, key, how, ...rest) =>
    how === "Ed25519" ? Promise.reject(new Error("not known")) : importKey.call(crypto.subtle, form, key, how, ...rest);
  try {
    return await deed();
  } finally {
    delete crypto.subtle.importKey;
  }
}
const verifiers = { "the browser's own": ours, noble: await withoutEd25519(() => findVerifier(NOBLE)) };

const known = (own = [], admitted = {}) => ({
  isRevoked: async (_event, ticket) => bundle.revoked.includes(ticket),
  admittedAt: async (_event, ticket) => admitted[ticket],
  scansAt: async () => own,
});
const judged = (text, more = {}, facts = known(), verify = ours) =>
  judge(text, { event: EVENT, session: null, direction: "in", ...more }, { ...bundle, asked_at: "2030-05-16T18:00:00Z" }, facts, verify);

for (const [name, verify] of Object.entries(verifiers)) {
  test(`every vector is judged as the page of the format says, by ${name} Ed25519`, async () => {
    for (const { what, text, answer } of tickets) {
      const { result } = await judged(text, {}, known(), verify);
      assert.equal(result, answer === "valid" ? "checked_in" : answer, what);
    }
  });
}

test("noble takes no key and signature that fit any text", async () => {
  assert.notEqual(verifiers.noble, ours);
  const nothing = Uint8Array.from({ length: 32 }, (_, place) => Number(place === 0)); // the neutral point
  const signature = new Uint8Array([...nothing, ...new Uint8Array(32)]);
  assert.equal(await verifiers.noble(nothing, signature, new Uint8Array([1])).catch(() => false), false);
});

test("a ticket under a key that is not known yet says so", async () => {
  const [{ text }] = tickets;
  const ticket = parse(text);
  assert.equal(await check(ticket, {}, ours), "unknown_key");
  const without = { ...bundle, public_keys: {}, asked_at: "" };
  const verdict = await judge(text, { event: EVENT, session: null, direction: "in" }, without, known(), ours);
  assert.deepEqual([verdict.result, verdict.why], ["invalid_ticket", "unknown_key"]);
});

test("bytes are written in one way only", () => {
  assert.deepEqual(decode("AQ"), new Uint8Array([1]));
  for (const other of ["AR", "AQ==", "A", "A+", " AQ", "AQ\n"]) assert.equal(decode(other), null, other);
});

test("a name is opened by its ticket alone", async () => {
  const [mine, other] = tickets.filter(({ answer }) => answer === "valid").map(({ text }) => parse(text));
  const { lookup, key } = await keyToName(mine);
  const told = { name: "أمينة", type: "on_site", note: "Room 2", answers: [] };
  const nonce = crypto.getRandomValues(new Uint8Array(12));
  const sealer = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt"]);
  const text = new TextEncoder().encode(JSON.stringify(told));
  const sealed = Buffer.concat([nonce, new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce }, sealer, text))]);
  // As turnout.attendance.bundles derives both from this ticket.
  assert.equal(lookup, "D4SccuU7--a21heo7ij43A");
  assert.equal(Buffer.from(key).toString("base64url"), "4OSceo2puusRbWRh22EM6x8whmr2b8EJm2kXGr2QbPM");
  assert.deepEqual(await openName(sealed.toString("base64url"), key), told);
  const another = await keyToName(other);
  assert.notEqual(another.lookup, lookup);
  await assert.rejects(openName(sealed.toString("base64url"), another.key));
});

const scan = (more) => ({
  scan_id: "one", event: EVENT, session: null, direction: "in", scanned_at: "2030-05-16T18:10:00Z", clock_offset_ms: 0,
  device: "Phone 1", door: "North", result: "checked_in", unsent: EVENT, ticket: "T1", ticket_id: "t", ...more,
});

test("who is in is told so, by the bundle or by this device", async () => {
  const [{ text }] = tickets;
  const { id } = parse(text);
  const far = await judged(text, {}, known([], { [id]: "2030-05-16T17:00:00Z" }));
  assert.deepEqual([far.result, far.first.at], ["already_checked_in", "2030-05-16T17:00:00Z"]);
  const here = await judged(text, {}, known([scan({})]));
  assert.deepEqual([here.result, here.first.door], ["already_checked_in", "North"]);
});

test("who went out may come in again, whatever the bundle says", async () => {
  const [{ text }] = tickets;
  const { id } = parse(text);
  const own = [scan({}), scan({ scan_id: "two", direction: "out", result: "checked_out", scanned_at: "2030-05-16T18:20:00Z" })];
  assert.equal((await judged(text, {}, known(own, { [id]: "2030-05-16T17:00:00Z" }))).result, "checked_in");
  assert.equal((await judged(text, { direction: "out" })).result, "checked_out");
});

test("a ticket that the server has just refused is refused without it, until a newer bundle tells", async () => {
  const [{ text }] = tickets;
  const refused = (result, at) => settle(scan({}), { result }, new Date(at));
  for (const result of ["cancelled", "revoked", "not_confirmed"]) {
    assert.equal((await judged(text, {}, known([refused(result, "2099-05-16T18:00:00Z")]))).result, result);
    assert.equal(lastRefusal([refused(result, "2030-05-16T17:00:00Z")], "2030-05-16T18:00:00Z"), null);
  }
  assert.equal(lastRefusal([refused("already_checked_in", "2099-05-16T18:00:00Z")], ""), null);
});

test("what the server has known for long is the server's to tell", () => {
  const sent = (at) => settle(scan({}), { result: "checked_in" }, new Date(at));
  assert.equal(lastOwn([sent("2030-05-16T17:00:00Z")], "2030-05-16T18:00:00Z"), null);
  assert.equal(lastOwn([sent("2030-05-16T17:59:45Z")], "2030-05-16T18:00:00Z")?.scan_id, "one"); // it may be too new
  assert.equal(lastOwn([scan({ result: "wrong_event" })], ""), null);
  const [early, late] = [scan({ clock_offset_ms: -3_600_000, scan_id: "early" }), scan({ scanned_at: "2030-05-16T18:00:00Z" })];
  assert.equal(lastOwn([late, early], "")?.scan_id, "one");
});

test("who was let in passed, who was turned away did not, and who was found by name went in without an answer", () => {
  const passed = (result) => bodyOf(scan({ result }), 0).passed;
  assert.deepEqual(["checked_in", "checked_out", "queued"].map(passed), [true, true, true]);
  assert.deepEqual(["already_checked_in", "revoked", "invalid_ticket", "wrong_event"].map(passed), [false, false, false, false]);
});

test("a scan that the server can't read keeps no other back", async () => {
  const kept = [];
  const waiting = ["a", "bad", "c"].map((scan_id) => scan({ scan_id }));
  const store = {
    unsent: async () => waiting.filter(({ scan_id }) => !kept.some((one) => one.scan_id === scan_id)),
    keep: async (...scans) => kept.push(...scans),
  };
  const send = async ({ scans }) => {
    if (scans.some(({ scan_id }) => scan_id === "bad")) throw Object.assign(new Error("no"), { status: 400 });
    return { results: scans.map(({ scan_id }) => ({ scan_id, result: "checked_in" })) };
  };
  await flush(store, send, EVENT, { offset: 0, asking: new Set(), about: async () => ({}) });
  assert.deepEqual(kept.map(({ scan_id, result }) => [scan_id, result]), [["a", "checked_in"], ["bad", "malformed"], ["c", "checked_in"]]);
});

test("a scan goes out as it was made, and forgets the ticket once it is there", () => {
  const body = { ticket: "T1", scan_id: "one", event: EVENT, direction: "in", scanned_at: "2030-05-16T18:10:00Z", device: "Phone 1", door: "North", passed: true };
  assert.deepEqual(bodyOf(scan({ clock_offset_ms: 5 }), 9), { ...body, clock_offset_ms: 5 });
  assert.deepEqual(bodyOf(scan({ clock_offset_ms: null }), 9), { ...body, clock_offset_ms: 9 });
  const { ticket: _, ...rest } = { ...body, registration: "r", session: "s", clock_offset_ms: 0 };
  assert.deepEqual(bodyOf(scan({ ticket: undefined, registration: "r", session: "s" }), null), rest);
  const settled = settle(scan({}), { result: "checked_in" }, new Date());
  assert.deepEqual([settled.ticket, settled.unsent, settled.ticket_id], [undefined, undefined, "t"]);
});

test("the team looks at who was let in, and should not have been", () => {
  const late = (result, said) => settleLate(scan({ result }), { result: said }, new Date()).differing;
  assert.equal(late("checked_in", "already_checked_in"), EVENT);
  assert.equal(late("checked_in", "malformed"), EVENT);
  assert.equal(late("checked_in", "checked_in"), undefined);
  assert.equal(late("invalid_ticket", "invalid_ticket"), undefined);
});

function storeOf(count) {
  const scans = new Map(Array.from({ length: count }, (_, each) => [`scan-${each}`, scan({ scan_id: `scan-${each}` })]));
  return {
    scans,
    unsent: async (_event, most) => [...scans.values()].filter(({ unsent }) => unsent).slice(0, most),
    keep: async (...kept) => kept.forEach((each) => scans.set(each.scan_id, each)),
  };
}
const about = async () => ({});

test("everything that waits is sent, each once, and none that is being asked about", async () => {
  const store = storeOf(450), batches = [];
  const send = async ({ scans }) => {
    batches.push(scans.length);
    return { results: scans.map(({ scan_id }) => ({ scan_id, result: "checked_in" })) };
  };
  await flush(store, send, EVENT, { offset: 0, asking: new Set(["scan-3"]), about });
  assert.deepEqual(batches, [200, 200, 49]);
  assert.deepEqual([...store.scans.values()].filter(({ unsent }) => unsent).map(({ scan_id: id }) => id), ["scan-3"]);
});

test("what was not answered stays, and goes again under its name", async () => {
  const store = storeOf(2), names = [];
  let away = true;
  const send = async ({ scans }) => {
    names.push(scans.map(({ scan_id: id }) => id));
    if (away) throw new Error("the answer was lost");
    return { results: scans.map(({ scan_id }) => ({ scan_id, result: "checked_in" })) };
  };
  const now = { offset: 0, asking: new Set(), about };
  await assert.rejects(flush(store, send, EVENT, now));
  away = false;
  await flush(store, send, EVENT, now);
  assert.deepEqual(names, [["scan-0", "scan-1"], ["scan-0", "scan-1"]]);
});

test("an answer that is short of results settles nothing", async () => {
  const store = storeOf(2);
  await assert.rejects(flush(store, async () => ({ results: [] }), EVENT, { offset: 0, asking: new Set(), about }));
  assert.equal([...store.scans.values()].every(({ unsent }) => unsent), true);
});

test("a server that is away is asked less and less often", () => {
  assert.deepEqual([1, 2, 3, 9].map((failures) => pause(failures, 0.5)), [2_000, 4_000, 8_000, 60_000]);
});

test("the clock's offset is that of the shortest round trip", () => {
  const slow = measure(0, 4_000, 12_500), quick = measure(10_000, 10_100, 20_050);
  assert.deepEqual([slow.offset, quick.offset], [10_500, 10_000]);
  assert.equal(offsetOf(learn([slow], quick)), 10_000);
  assert.equal(offsetOf(learn(learn([], quick), { ...slow, at: 14_000 })), 10_000);
  assert.equal(offsetOf([]), null);
});

test("a clock that was set, or measured long ago, is measured anew", () => {
  const before = measure(0, 100, 5_050);
  const set = measure(70_000, 74_000, 72_000 - 55_000); // it was put forward by a minute
  assert.equal(offsetOf(learn([before], set)), -55_000);
  const later = measure(700_000, 704_000, 702_000 + 5_100);
  assert.equal(offsetOf(learn([before], later)), 5_100);
});

test("a code that is held before the camera is read once", () => {
  const repeats = new Repeats();
  assert.equal(repeats.admits("a", 0, false), true);
  for (const now of [100, 3_000, 6_900]) assert.equal(repeats.admits("a", now, false), false);
  assert.equal(repeats.admits("b", 7_000, true), false); // while a result is shown nobody is missed
  assert.equal(repeats.admits("b", 7_100, false), true);
  assert.equal(repeats.admits("a", 7_200, false), true);
  assert.equal(repeats.admits("a", 11_300, false), true);
});
