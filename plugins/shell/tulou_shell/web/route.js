// Where in the app the page is, so that "back" works as people expect:
//   #/chats/<address>                  a tab and what is open in it
//   #/app/<page>?name=value            a contributed page
//   #/chats/<address>/app/<page>?...   the same, beside a conversation or a contact

const TABS = new Set(["chats", "contacts", "settings", "app"]);
const WIDE = matchMedia("(width >= 1200px)");
const NARROW = matchMedia("(width < 700px)");
let most = 3; // panes that the device has: 1 on a phone, 2 on a pad

/** The panes there is room for: by the device, and by the window. */
export function panes() {
  return Math.min(most, WIDE.matches ? 3 : NARROW.matches ? 1 : 2);
}

/** Say what the device is, as Python knows it. */
export function setDevice(device) {
  most = { phone: 1, pad: 2 }[device] ?? 3;
}

/** Call `handler` whenever there is room for more or fewer panes; the result ends that. */
export function watchPanes(handler) {
  for (const each of [WIDE, NARROW]) each.addEventListener("change", handler);
  return () => {
    for (const each of [WIDE, NARROW]) each.removeEventListener("change", handler);
  };
}

/** The route now: a tab, what is open in it ('' for nothing), and a page or null. */
export function route() {
  const [path, query = ""] = divided(location.hash, "?");
  const [, first = "", id = "", word = "", name = ""] = path.split("/");
  const tab = TABS.has(first) && (first !== "app" || id) ? first : "chats";
  const shown = tab === "app" ? decoded(id) : word === "app" && id && tab !== "settings" ? decoded(name) : "";
  const page = shown ? { name: shown, parameters: Object.fromEntries(new URLSearchParams(query)) } : null;
  return { tab, id: tab === "settings" ? "" : decoded(id), page };
}

/** Go to a tab, or to something in it. */
export function go(tab, id = "") {
  location.hash = address(tab, id);
}

/** The address of a route, for links. */
export function address(tab, id = "", parameters = {}) {
  const query = new URLSearchParams(parameters).toString();
  return `${id ? `#/${tab}/${encodeURIComponent(id)}` : `#/${tab}`}${query && `?${query}`}`;
}

/** Show a contributed page: beside what is open where there is room for three, else instead of it. */
export function goToPage(name, parameters = {}) {
  const { tab, id } = route();
  const inside = tab !== "app" && tab !== "settings" && id && panes() === 3;
  const before = inside ? address(tab, id) : "#";
  location.hash = `${before}/${address("app", name, parameters).slice(2)}`;
}

/** Whether a page stands beside something. */
export function beside() {
  const { tab, page } = route();
  return page !== null && tab !== "app";
}

/** Whether two pages of routes are the same, whatever their parameters. */
export function samePage(one, other) {
  return (one?.name ?? "") === (other?.name ?? "");
}

/** Call `handler` after every change; the result ends that. */
export function watchRoute(handler) {
  addEventListener("hashchange", handler);
  return () => removeEventListener("hashchange", handler);
}

function divided(text, mark) {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
