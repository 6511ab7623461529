// What is seen of the scanner.
const LASTS = { yes: 1_500, look: 3_000, no: 3_500 }; // milliseconds until the next one is looked for

const find = (name) => /** @type {any} */ (document.getElementById(`scan-${name}`));
const { words } = JSON.parse(find("data").textContent);
const language = document.documentElement.lang;

/** @param {string} text @param {Record<string, string | number>} values by the names in braces */
export const filled = (text, values) => text.replace(/{(\w+)}/g, (_, name) => String(values[name]));

/** @param {string} at @param {string} [timeZone] */
export function clockTime(at, timeZone) {
  const how = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone };
  return new Intl.DateTimeFormat(`${language}-u-nu-latn`, /** @type {any} */ (how)).format(new Date(at));
}

/** Return an answer to a question of the event's as people read it. @param {unknown} answer */
export function said(answer) {
  if (typeof answer === "boolean") return answer ? words.yes : words.no;
  return Array.isArray(answer) ? new Intl.ListFormat(language).format(answer.map(String)) : String(answer);
}

/** @param {"opening" | "pair" | "door"} name */
export function show(name) {
  document.documentElement.dataset.scan = name;
  for (const each of ["opening", "pair", "door"]) find(each).hidden = each !== name;
}

/** Say something above all else. @param {string} [text] nothing takes it away */
export function notice(text = "", link = "") {
  find("notice").hidden = !text;
  find("notice-text").textContent = text;
  find("notice-link").hidden = !link;
  find("notice-link").href = link;
}

/** @param {{value: string, text: string}[]} choices @param {string} chosen */
export function choices(name, choices, chosen) {
  const options = choices.map(({ value, text }) => new Option(text, value, false, value === chosen));
  find(name).replaceChildren(...options);
}

/** @param {string} name a template's in the page @param {(part: (name: string) => any) => void} fill */
export function line(name, fill) {
  const copy = find(name).content.cloneNode(true);
  fill((part) => copy.querySelector(`[data-part=${part}]`));
  return copy;
}

/** @param {{reachable: boolean, unsent: number, differing: number}} state */
export function connection({ reachable, unsent, differing }) {
  find("online").hidden = !reachable;
  find("offline").hidden = reachable;
  if (find("unsent").dataset.n !== String(unsent)) {
    find("unsent").dataset.n = String(unsent);
    find("unsent").textContent = filled(words.unsent, { n: unsent });
  }
  find("differing").hidden = !differing;
  find("differing").textContent = filled(words.differing, { n: differing });
}

let over = 0;

/**
 * Fill the screen with a result, and take it away when its time is over.
 * @param {{sign: "yes" | "look" | "no" | "wait", title: string, name?: string, lines?: string[], offline?: boolean}} result
 * @param {() => void} after
 */
export function showResult({ sign, title, name = "", lines = [], offline = false }, after) {
  clearTimeout(over);
  const box = find("result");
  box.dataset.sign = sign;
  find("result-title").textContent = title;
  find("result-name").textContent = name;
  find("result-name").hidden = !name;
  find("result-lines").replaceChildren(...lines.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  find("result-offline").hidden = !offline;
  box.hidden = false;
  if (sign === "wait") return;
  find("said").textContent = [title, name, ...lines].filter(Boolean).join(". ");
  const leave = () => {
    clearTimeout(over);
    box.hidden = true;
    after();
  };
  box.onclick = leave;
  over = setTimeout(leave, LASTS[sign]);
}

export { find, words };
