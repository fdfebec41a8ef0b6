/** Who has a key: the same answer wherever the same members are known. */

/**
 * Rendezvous hashing: each member has a weight for the key, and the heaviest has it. A member that
 * comes or goes moves only the keys it gets or had.
 * @returns The empty text when there are no members.
 */
export function heaviest(members: readonly string[], key: string): string {
  let best = '';
  let bestWeight = -1;
  for (const member of members) {
    const weight = weightOf(`${member}\0${key}`);
    if (weight <= bestWeight) continue;
    best = member;
    bestWeight = weight;
  }
  return best;
}

/** FNV-1a, and a finish that lets every unit move every bit. */
function weightOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
