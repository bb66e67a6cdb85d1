// Where in the app the page is: #/chats/<address>, so that "back" works as people expect.

const TABS = new Set(["chats", "contacts", "settings"]);

/** The route now: a tab and what is open in it ('' for nothing). */
export function route() {
  const [, tab = "", id = ""] = location.hash.split("/");
  return { tab: TABS.has(tab) ? tab : "chats", id: decoded(id) };
}

/** Go to a tab, or to something in it. */
export function go(tab, id = "") {
  location.hash = address(tab, id);
}

/** The address of a route, for links. */
export function address(tab, id = "") {
  return id ? `#/${tab}/${encodeURIComponent(id)}` : `#/${tab}`;
}

/** Call `handler` after every change; the result ends that. */
export function watchRoute(handler) {
  addEventListener("hashchange", handler);
  return () => removeEventListener("hashchange", handler);
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
