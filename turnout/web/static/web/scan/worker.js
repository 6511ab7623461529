// Keeps the scanner's page and its files, so that it opens without network. `VERSION`, `PAGE` and `FILES` are written
// above this by the server. Nothing of the API is kept here.
const CACHE = `scanner-${VERSION}`, PATIENCE = 3_000;

addEventListener("install", (event) => {
  const fill = async () => (await caches.open(CACHE)).addAll([PAGE, ...FILES].map((each) => new Request(each, { cache: "reload" })));
  event.waitUntil(fill().then(() => skipWaiting()));
});

addEventListener("activate", (event) => {
  const isOld = (name) => name.startsWith("scanner-") && name !== CACHE;
  const clean = async () => Promise.all((await caches.keys()).filter(isOld).map((name) => caches.delete(name)));
  event.waitUntil(clean().then(() => clients.claim()));
});

/** The page from the server, in the language that is chosen now; without it, or while its files are of another version, ours. */
async function page(request) {
  const cache = await caches.open(CACHE);
  const fresh = await fetch(request, { signal: AbortSignal.timeout(PATIENCE) }).catch(() => null);
  const fits = fresh?.ok && fresh.headers.get("X-Scanner-Version") === VERSION;
  if (fits) await cache.put(PAGE, fresh.clone());
  return (fits ? fresh : await cache.match(PAGE)) ?? fresh ?? Response.error();
}

async function file(request) {
  return (await (await caches.open(CACHE)).match(request)) ?? fetch(request);
}

addEventListener("fetch", (event) => {
  const { request } = event, { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate" && pathname === PAGE) event.respondWith(page(request));
  else if (FILES.includes(pathname)) event.respondWith(file(request));
});
