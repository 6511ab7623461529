// Verifies tickets as docs/ticket-format.md says. Reads {bundle, texts} as JSON from standard input, writes the answers.
import { createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const ID = "[A-Za-z0-9_-]{21}[AQgw]";
const FORM = new RegExp(`^(T1\\.(${ID})\\.(${ID})\\.([A-Za-z0-9_-]{1,8}))\\.([A-Za-z0-9_-]{85}[AQgw])$`);

const bytes = (base64url) => Buffer.from(base64url, "base64url");

const idOf = (uuid) => Buffer.from(uuid.replaceAll("-", ""), "hex").toString("base64url");

const isSigned = (text, x, signature) => {
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  return verify(null, Buffer.from(text, "ascii"), key, bytes(signature));
};

const answer = (text, bundle) => {
  const found = FORM.exec(text);
  if (!found) return "invalid_ticket";
  const [, payload, event, ticket, keyId, signature] = found;
  if (!Object.hasOwn(bundle.public_keys, keyId)) return "invalid_ticket";
  if (!isSigned(payload, bundle.public_keys[keyId], signature)) return "invalid_ticket";
  if (event !== idOf(bundle.event.id)) return "wrong_event";
  if (bundle.revoked.includes(ticket)) return "revoked";
  return "valid";
};

const { bundle, texts } = JSON.parse(readFileSync(0, "utf-8"));
console.log(JSON.stringify(texts.map((text) => answer(text, bundle))));
