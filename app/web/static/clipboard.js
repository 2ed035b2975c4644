/** Whether the text reached the clipboard. Over plain HTTP inside a network browsers offer only the older command. */
export async function copied(words) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(words);
      return true;
    } catch {
      // Refused by policy or for want of focus: the older command may still be allowed.
    }
  }
  const spot = document.createElement("textarea");
  spot.value = words;
  spot.className = "visually-hidden";
  const before = document.activeElement;
  document.body.append(spot);
  spot.select();
  const done = document.execCommand("copy");
  spot.remove();
  before?.focus();
  return done;
}
