// Elements that plugins contribute, loaded on first use.

const classes = new Map();
let number = 0;

/** A new element of the module's default export. Rejects when the module does not load. */
export async function contributed(url) {
  if (!classes.has(url)) classes.set(url, load(url));
  const Class = await classes.get(url);
  return new Class();
}

async function load(url) {
  try {
    const { default: Class } = await import(url);
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
    console.error("a contributed element does not load:", url, error);
    throw error;
  }
}
