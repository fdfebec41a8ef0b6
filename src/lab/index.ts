/**
 * `backplane/lab`: hosts, planes, faults and recordings, on real kernel SCTP, in a guest where the
 * host has none.
 */
export {
  type EnterOptions,
  enterLab,
  type LabRun,
  type LabRunOptions,
  type LabWhere,
  labHere,
  runInLab,
} from './guest/enter.js';
export { type JobResult, missingPackages } from './guest/guest.js';
export { guestDisk } from './guest/init-script.js';
export { type Direction, type Fault, faults, type Impairment } from './network/faults.js';
export { LabHost, type PortCounters } from './network/host.js';
export { createLab, Lab, type LabOptions } from './network/lab.js';
export { analyse, type Delivery } from './recording/analysis.js';
export { readRecording } from './recording/read.js';
export { Recorder, type Recording } from './recording/recorder.js';
