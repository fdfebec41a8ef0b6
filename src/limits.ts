/** Every bound of the package, with its unit in the name. A test reaches each of them. */
export const limits = {
  // sctp: one association
  /** Send queue of one association: `send` returns false above this. */
  sendQueueHighWaterBytes: 4 * 1024 * 1024,
  /** Send queue of one association: `drain` is emitted when it has fallen to this. */
  sendQueueLowWaterBytes: 1024 * 1024,
  /** Send queue of one association: `send` fails with ERR_QUEUE_FULL beyond this. */
  sendQueueHardBytes: 64 * 1024 * 1024,
  /** Largest message `Association.send` takes, and the largest that is reassembled from partial deliveries. */
  sctpMessageBytes: 16 * 1024 * 1024,
  /** Kernel buffers asked for by default (KiB counts by the kernel's own bookkeeping are twice as much). */
  socketBufferBytes: 4 * 1024 * 1024,
  /** Streams an association asks for in each direction. */
  streams: 64,
  /** Addresses of one endpoint. */
  addresses: 16,

  // before a peer is authenticated
  handshakeMs: 3000,
  handshakeFrames: 4,
  handshakeBytes: 2048,
  halfOpenLinks: 64,
  halfOpenLinksPerAddress: 8,

  // wire
  nodeNameBytes: 128,
  clusterLabelBytes: 64,
  topicBytes: 255,
  /** Largest encoded body of one message. */
  messageBytes: 1024 * 1024,
  keyMinBytes: 32,

  // node
  peers: 1024,
  pendingCalls: 65536,
  redialMinMs: 100,
  redialMaxMs: 5000,
} as const;
