// Verifies credentials offline with Digital Bazaar's libraries. Reads {documents, credentials} as JSON from standard input
// (documents: by their addresses, all that may be looked up), writes what it finds of each credential.
import { readFileSync } from "node:fs";
import { DataIntegrityProof } from "@digitalbazaar/data-integrity";
import { cryptosuite } from "@digitalbazaar/eddsa-rdfc-2022-cryptosuite";
import * as vc from "@digitalbazaar/vc";
import { checkStatus } from "@digitalbazaar/vc-bitstring-status-list";

const { documents, credentials } = JSON.parse(readFileSync(0, "utf-8"));

// A key's address is that of its DID document, with a fragment.
const find = (url) => {
  if (Object.hasOwn(documents, url)) return documents[url];
  const [did] = url.split("#");
  const key = documents[did]?.verificationMethod?.find(({ id }) => id === url);
  if (!key) throw new Error(`nothing is fetched: ${url}`);
  return { "@context": "https://w3id.org/security/multikey/v1", ...key };
};
const documentLoader = async (url) => ({ contextUrl: null, documentUrl: url, document: structuredClone(find(url)) });

const suite = new DataIntegrityProof({ cryptosuite });

// The innermost of what went wrong: the outer ones only say that something did.
const reasonOf = ({ error }) => {
  const within = error?.errors?.[0] ?? error?.cause ?? error?.details?.cause;
  return within ? reasonOf({ error: within }) : String(error?.message ?? error);
};

const verify = async (credential) => {
  const proven = await vc.verifyCredential({ credential, suite, documentLoader, checkStatus: async () => ({ verified: true }) });
  if (!proven.verified) return { verified: false, revoked: null, reason: reasonOf(proven) };
  if (!credential.credentialStatus) return { verified: true, revoked: null, reason: "" };
  const status = await checkStatus({ credential, suite, documentLoader, verifyBitstringStatusListCredential: true });
  const [entry] = status.results ?? [];
  return { verified: true, revoked: entry ? entry.status : null, reason: entry ? "" : reasonOf(status) };
};

const found = [];
for (const credential of credentials) found.push(await verify(credential));
console.log(JSON.stringify(found));
