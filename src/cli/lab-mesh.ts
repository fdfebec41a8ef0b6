/** `backplane lab mesh`. */
import { enterLab } from '../lab/index.js';
import { MESH_PROFILE, type MeshResult, meshViolations, runMesh } from '../lab/scenario/mesh.js';
import { finish, progress, table } from './report.js';

/** Processes, one on each host. */
const HOSTS = 8;
const IDLE_MS = 20_000;

export interface MeshCommandOptions {
  readonly nodes: number;
  readonly json?: boolean;
}

function text(result: MeshResult): string {
  const rows = Object.entries(result).map(([name, value]) => [
    name,
    Math.round(100 * (value as number)) / 100,
  ]);
  return table(['mesh', ''], rows);
}

/** Runs it and reports. */
export async function mesh({ nodes, json }: MeshCommandOptions): Promise<void> {
  await enterLab();
  const startMs = performance.now();
  const result = await runMesh({ nodes, hosts: HOSTS, idleMs: IDLE_MS, progress });
  finish(
    {
      command: 'lab',
      violations: meshViolations(result),
      scenario: 'mesh',
      profile: MESH_PROFILE,
      ...result,
      seconds: Math.round((performance.now() - startMs) / 1000),
    },
    { json: json === true, text: () => text(result) },
  );
}
