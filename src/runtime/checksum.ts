/** Checksums against what disks and copies do to bytes; against nobody who means harm. */
export { crc32 } from 'node:zlib';
