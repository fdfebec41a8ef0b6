/** The one door to other processes. */
export { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
