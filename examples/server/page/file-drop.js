// Files that are dragged over the conversation and let go, or pasted.

import { $ } from './dom.js';

const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes('Files');

/**
 * @param {() => boolean} isOpen  whether there is a conversation to drop into
 * @param {(files: FileList) => void} take
 * @param {AbortSignal} signal
 */
export function watchDrops(isOpen, take, signal) {
  const area = $('room');
  // Entered and left are told of each element on the way.
  let depth = 0;
  const show = () => {
    $('drop').hidden = depth === 0;
  };
  addEventListener('dragenter', (event) => {
    if (!hasFiles(event) || !isOpen() || !area.contains(event.target)) return;
    depth += 1;
    show();
  }, { signal });
  addEventListener('dragleave', (event) => {
    if (depth === 0 || !area.contains(event.target)) return;
    depth -= 1;
    show();
  }, { signal });
  // A file that falls beside its mark must not replace the page.
  addEventListener('dragover', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = isOpen() && area.contains(event.target) ? 'copy' : 'none';
  }, { signal });
  addEventListener('drop', (event) => {
    depth = 0;
    show();
    if (!hasFiles(event)) return;
    event.preventDefault();
    if (isOpen() && area.contains(event.target)) take(event.dataTransfer.files);
  }, { signal });
}
