/** A kind of attack that was never made says nothing, however few were let in. */
export function untried(
  counts: readonly { readonly kind: string; readonly attempts: number }[],
): string[] {
  const kinds = counts.filter(({ attempts }) => attempts === 0).map(({ kind }) => kind);
  return kinds.length === 0 ? [] : [`too few attempts for: ${kinds.join(', ')}`];
}
