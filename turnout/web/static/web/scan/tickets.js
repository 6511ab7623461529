// What a ticket says by itself: docs/ticket-format.md. Nothing here asks anybody.
const SHAPE = /^T1\.([\w-]{22})\.([\w-]{22})\.([\w-]{1,8})\.([\w-]{86})$/;
const text = new TextEncoder();

/**
 * @typedef {object} Ticket
 * @property {string} event as in the API
 * @property {string} id as in bundles
 * @property {string} key the id of the key that signed it
 * @property {string} signed the part that is signed
 * @property {Uint8Array<ArrayBuffer>} signature
 */

/** @param {string} encoded unpadded base64url @returns {Uint8Array<ArrayBuffer> | null} null where it is not the one way to write those bytes */
export function decode(encoded) {
  if (!/^[\w-]*$/.test(encoded) || encoded.length % 4 === 1) return null;
  const bytes = Uint8Array.from(atob(encoded.replace(/-/g, "+").replace(/_/g, "/")), (each) => each.charCodeAt(0));
  return encode(bytes) === encoded ? bytes : null;
}

/** @param {Uint8Array} bytes */
export function encode(bytes) {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/** @param {Uint8Array} bytes sixteen of them */
function uuid(bytes) {
  const hex = [...bytes].map((each) => each.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Tell whether a text means to be a ticket, sound or not. @param {string} read */
export const isTicketLike = (read) => /^T\d+\.[\w.-]{1,300}$/.test(read);

/** @param {string} read @returns {Ticket | null} null where it has not the form of a ticket */
export function parse(read) {
  const parts = SHAPE.exec(read);
  if (!parts) return null;
  const [event, id, signature] = [parts[1], parts[2], parts[4]].map(decode);
  if (!event || !id || !signature) return null;
  return { event: uuid(event), id: parts[2], key: parts[3], signed: read.slice(0, read.lastIndexOf(".")), signature };
}

/** @typedef {(key: Uint8Array<ArrayBuffer>, signature: Uint8Array<ArrayBuffer>, signed: Uint8Array<ArrayBuffer>) => Promise<boolean>} Verifier */

/** @type {Verifier} */
async function verifyByBrowser(key, signature, signed) {
  const imported = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
  return crypto.subtle.verify("Ed25519", imported, signature, signed);
}

/** Return the browser's own Ed25519, or where it has none that of noble. @param {string} noble its address @returns {Promise<Verifier>} */
export async function findVerifier(noble) {
  try {
    await crypto.subtle.importKey("raw", new Uint8Array(32), "Ed25519", false, ["verify"]);
    return verifyByBrowser;
  } catch {
    const { verifyAsync } = await import(noble);
    return (key, signature, signed) => verifyAsync(signature, signed, key, { zip215: false });
  }
}

/**
 * Tell whether the ticket is as one of these keys signed it.
 * @param {Ticket} ticket @param {Record<string, string>} keys by their ids @param {Verifier} verify
 * @returns {Promise<"true" | "false" | "unknown_key">}
 */
export async function check(ticket, keys, verify) {
  if (!Object.hasOwn(keys, ticket.key)) return "unknown_key";
  const key = /** @type {Uint8Array<ArrayBuffer>} */ (decode(keys[ticket.key]));
  const holds = await verify(key, ticket.signature, text.encode(ticket.signed)).catch(() => false);
  return holds ? "true" : "false";
}

/**
 * What somebody's name is kept under in a bundle, and the key that opens it: both follow from the ticket's signature,
 * so that who holds the device and not the ticket learns nothing.
 * @param {Ticket} ticket
 */
export async function keyToName(ticket) {
  const secret = await crypto.subtle.importKey("raw", ticket.signature, "HKDF", false, ["deriveBits"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: text.encode("turnout door names 1") };
  const bits = new Uint8Array(await crypto.subtle.deriveBits(how, secret, 48 * 8));
  return { lookup: encode(bits.slice(0, 16)), key: bits.slice(16) };
}

/**
 * @param {string} sealed @param {Uint8Array<ArrayBuffer>} key
 * @returns {Promise<{name: string, type: string, note: string, answers: {label: string, answer: string}[]}>}
 */
export async function openName(sealed, key) {
  const bytes = /** @type {Uint8Array<ArrayBuffer>} */ (decode(sealed));
  const opener = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["decrypt"]);
  const opened = await crypto.subtle.decrypt({ name: "AES-GCM", iv: bytes.slice(0, 12) }, opener, bytes.slice(12));
  return JSON.parse(new TextDecoder().decode(opened));
}
