/**
 * Environment of the processes of all sides alike: what a process has freed stays its own.
 * Otherwise it is given back and taken anew all the time, and in the guest the first touch of a
 * page costs more than most system calls, which on a real kernel it does not.
 */
export const KEEP_MEMORY = {
  MALLOC_TRIM_THRESHOLD_: `${2 ** 30}`,
  MALLOC_MMAP_MAX_: '0',
};
