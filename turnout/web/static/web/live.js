// What happens elsewhere, as it happens: notices in the header, and an event at its desk. Without it pages stay as
// they were when they were loaded.
const PATIENCE = 3000, FIRST_WAIT = 5000, LONGEST_WAIT = 300000, MOST_SHOWN = 20, FRESH = 2000;

// Follow a stream while the page is seen, from a number on, and say whether there is a connection.
function follow(path, after, kinds, hear, say = () => {}) {
  let source, opening, losing, number = after, wait = FIRST_WAIT, pause = 0;

  function take(event) {
    number = event.lastEventId || number;
    if (event.type === "pause") pause = JSON.parse(event.data).retry_ms; // it ends now, and comes back
    else hear(event.type, JSON.parse(event.data));
  }

  function fail() {
    losing ??= setTimeout(say, pause + PATIENCE, "lost");
    pause = 0;
    if (source.readyState !== EventSource.CLOSED) return; // the browser tries again
    opening = setTimeout(open, wait); // a proxy's error, or who may no longer look on
    fetch(path, { method: "HEAD" }).then(({ status }) => {
      if (status !== 401) return;
      keep();
      say("out"); // an EventSource does not say why
    }, () => {});
    wait = Math.min(wait * 2, LONGEST_WAIT);
  }

  function open() {
    source = new EventSource(number === "" ? path : `${path}?after=${number}`);
    source.onopen = () => {
      keep();
      wait = FIRST_WAIT;
      say("live");
    };
    source.onerror = fail;
    for (const kind of [...kinds, "pause"]) source.addEventListener(kind, take);
  }

  function keep() {
    clearTimeout(losing);
    losing = undefined;
  }

  function close() {
    keep();
    clearTimeout(opening);
    source?.close();
  }

  // A page that nobody sees holds no connection: browsers have few for each site.
  document.addEventListener("visibilitychange", () => {
    close();
    if (!document.hidden) open();
  });
  if (!document.hidden) open();
}

function followNotices(link) {
  const count = link.querySelector("[data-unread]"), told = document.querySelector("[data-told]");
  follow(link.dataset.notices, "", ["notification", "unread", "reset"], (kind, data) => {
    if (kind === "notification") told.textContent = data.title;
    if (kind !== "unread") return;
    count.textContent = data.unread;
    count.hidden = data.unread === 0;
  });
}

function count(figures) {
  for (const each of document.querySelectorAll("[data-figure]")) {
    if (!(each.dataset.figure in figures)) continue;
    each.textContent = figures[each.dataset.figure];
    const box = each.closest("[data-unless-none]");
    if (box) box.hidden = each.textContent === "0";
  }
}

// Say in a part of the page whether there is a connection.
const sayIn = (part) => (state) => {
  for (const each of part.querySelectorAll("[data-state]")) each.hidden = each.dataset.state !== state;
};

function followDesk(desk) {
  const words = JSON.parse(document.getElementById("happening-words").textContent);
  const list = desk.querySelector("ol"), blank = desk.querySelector("template");
  const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: desk.dataset.zone });

  function show(kind, { at, registration }) {
    const line = blank.content.cloneNode(true), time = line.querySelector("time"), link = line.querySelector("a");
    time.dateTime = at;
    time.textContent = clock.format(new Date(at));
    line.querySelector("span").textContent = words[kind];
    if (registration) {
      link.href = `${desk.dataset.people}${registration.id}/`;
      link.querySelector("bdi").textContent = registration.full_name;
    } else link.remove();
    list.prepend(line);
    while (list.children.length > MOST_SHOWN) list.lastElementChild.remove();
  }

  const kinds = [...Object.keys(words), "seats.changed", "attendance.changed", "reset"];
  follow(desk.dataset.live, desk.dataset.after, kinds, (kind, data) => {
    if (kind === "reset") location.reload();
    else if (kind === "seats.changed") count({ ...data.by_status, available: data.available ?? "∞" });
    else if (kind === "attendance.changed") count(data);
    else show(kind, data);
  }, sayIn(desk));
}

// The desk of the door: its figures at once, and all else anew a little later, but for what somebody writes in.
function followDoor(door) {
  let due;

  function freshen() {
    due = undefined;
    for (const each of document.querySelectorAll("[data-fresh]"))
      if (!each.querySelector("details[open]")) each.dispatchEvent(new Event("fresh"));
  }

  follow(door.dataset.door, door.dataset.after, ["seats.changed", "attendance.changed", "reset"], (kind, data) => {
    if (kind === "reset") location.reload();
    if (kind === "attendance.changed") count(data);
    due ??= setTimeout(freshen, FRESH);
  }, sayIn(door));
}

document.querySelectorAll("[data-notices]").forEach(followNotices);
document.querySelectorAll("[data-live]").forEach(followDesk);
document.querySelectorAll("[data-door]").forEach(followDoor);
