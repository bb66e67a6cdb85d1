// Elements that plugins contribute, loaded on first use; what is wrong with one is told to Python.
import { store } from "./store.js";

const PATIENCE = 15_000; // ms until a module that could not be fetched is tried again at the latest
const LONGEST = 500; // characters of an error that are told

const classes = new Map();
const faults = new Map(); // url -> what is wrong with the module, as a text
let number = 0;

/**
 * A new element of the module's default export. Waits while Python does not answer; rejects when the
 * module is wrong, or is contributed no longer.
 */
export async function contributed(url) {
  if (!classes.has(url)) classes.set(url, load(url));
  const Class = await classes.get(url);
  try {
    return new Class();
  } catch (error) {
    faulty(url, error);
    throw error;
  }
}

/** A contributed module does not do what it should: told once, in the console and to Python. */
export function faulty(url, error) {
  if (faults.has(url)) return;
  console.error("a contributed element has a fault:", url, error);
  faults.set(url, String(error).slice(0, LONGEST));
  tell(url);
}

async function load(url) {
  try {
    const { default: Class } = await fetched(url);
    if (!(Class?.prototype instanceof HTMLElement)) {
      throw new TypeError(`${url} must default-export a class extending HTMLElement`);
    }
    try {
      new Class(); // its module may have defined it itself
    } catch {
      customElements.define(`tulou-contributed-${++number}`, Class);
    }
    return Class;
  } catch (error) {
    classes.delete(url); // a later look may succeed
    if (inUse(url)) faulty(url, error);
    throw error;
  }
}

/** The module. That Python does not answer is no fault of it: then it is tried again. */
async function fetched(url) {
  for (;;) {
    try {
      return await import(url);
    } catch (error) {
      if (!inUse(url) || await answers(url)) throw error;
      await another();
    }
  }
}

async function answers(url) {
  try {
    const { status } = await fetch(url, { cache: "no-store" });
    // 401: no session any more; 503: going down; and while it comes up there is no line yet
    return store.line === "open" && status !== 401 && status < 500;
  } catch {
    return false;
  }
}

/** The line is there again, or some time has passed. */
function another() {
  return new Promise((resolve) => {
    const end = store.on("line", () => store.line === "open" && done());
    const timer = setTimeout(done, PATIENCE);
    function done() {
      end();
      clearTimeout(timer);
      resolve();
    }
  });
}

function inUse(url) {
  const { bubbles, panels, tabs, pages } = store.contributions;
  return Object.values(bubbles).includes(url) || [...panels, ...tabs, ...pages].some((each) => each.module === url);
}

function tell(url) {
  store.ask("ui.fault", { module: url, error: faults.get(url) }).catch(() => {}); // told when the line is back
}

// Python may have been started anew since it was told; what is contributed no longer may come back mended.
store.on("line", () => {
  if (store.line === "open") [...faults.keys()].forEach(tell);
});
store.on("contributions", () => {
  for (const url of [...faults.keys()]) if (!inUse(url)) faults.delete(url);
});
