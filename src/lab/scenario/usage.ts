/** What the machine says of its own use: memory, processor, packets. */
import { readFileSync } from 'node:fs';

/** What one line of a file of counters says. */
function counter(text: string, name: RegExp): number {
  return Number(name.exec(text)?.[1] ?? Number.NaN);
}

/** What the kernel holds for itself: objects of its own, and pages that are no program's. */
export function kernelBytes(): number {
  const text = readFileSync('/proc/meminfo', 'utf8');
  const kib = (name: string) => counter(text, new RegExp(`^${name}:\\s+(\\d+) kB`, 'm'));
  const programs = ['AnonPages', 'Cached', 'Buffers', 'SwapCached', 'PageTables', 'KernelStack'];
  const others = programs.reduce((sum, name) => sum + kib(name), kib('MemFree'));
  return (kib('MemTotal') - others) * 1024;
}

/** Packets and bytes a host has sent until now; `pid` is one of its processes. */
export function traffic(pid: number): { readonly packets: number; readonly bytes: number } {
  const snmp = readFileSync(`/proc/${pid}/net/sctp/snmp`, 'utf8');
  const packets = counter(snmp, /^SctpOutSCTPPacks\s+(\d+)/m);
  const ports = readFileSync(`/proc/${pid}/net/dev`, 'utf8').trim().split('\n').slice(2);
  // Columns: 8 of what was received, then those of what was sent, bytes first.
  const bytes = ports.map((line) => Number(line.split(':')[1]!.trim().split(/\s+/)[8]));
  return { packets, bytes: bytes.reduce((a, b) => a + b, 0) };
}

/** Ticks the processor has been at work, and all ticks. */
export function processorTicks(): { readonly busy: number; readonly all: number } {
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]!;
  // Columns: user, nice, system, idle, waiting, ...
  const ticks = line.trim().split(/\s+/).slice(1).map(Number);
  const all = ticks.reduce((a, b) => a + b, 0);
  return { busy: all - ticks[3]! - ticks[4]!, all };
}

/** Ticks that one process has had of the processor, in the kernel and outside. */
export function processTicks(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // Its name, in brackets, may have spaces in it. Of what follows: 12th and 13th.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
