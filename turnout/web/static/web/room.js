// The code on the screen is renewed; where that fails it says so, since an old one lets nobody in.
const EVERY = 5000;

async function renew() {
  const lost = document.querySelector("[data-lost]");
  try {
    const answer = await fetch(location.href, { cache: "no-store", redirect: "error" });
    const page = new DOMParser().parseFromString(answer.ok ? await answer.text() : "", "text/html");
    const [shown, fresh] = [document, page].map((each) => each.querySelector("[data-room]"));
    if (shown.textContent !== fresh.textContent) shown.replaceWith(document.adoptNode(fresh));
    lost.hidden = true;
  } catch {
    lost.hidden = false;
  }
}

if (document.querySelector("[data-room]")) setInterval(renew, EVERY);
