/** Every bound of the package, with its unit in the name. A test reaches each of them. */
export const limits = {
  // sctp: one association
  /** Send queue of one association: `send` returns false above this; `drain` at a quarter of it. */
  sendQueueHighWaterBytes: 4 * 1024 * 1024,
  /** Send queue of one association: `send` fails with ERR_QUEUE_FULL beyond this. */
  sendQueueHardBytes: 64 * 1024 * 1024,
  /**
   * Largest message `Association.send` takes, and the largest that is reassembled from partial
   * deliveries.
   */
  sctpMessageBytes: 16 * 1024 * 1024,
  /**
   * Kernel buffers asked for by default (KiB counts by the kernel's own bookkeeping are twice as
   * much).
   */
  socketBufferBytes: 4 * 1024 * 1024,
  /** The same for links with a profile for local networks. */
  localBufferBytes: 1024 * 1024,
  /** Streams an association asks for in each direction. */
  streams: 64,
  /** An orderly end that takes longer becomes an abort. */
  shutdownMs: 5000,
  /** Associations the kernel holds for a server that has not yet accepted them. */
  listenBacklog: 128,
  /** After a failed accept (too many open files, for one) the server waits this long. */
  acceptPauseMs: 100,
  /** Addresses of one endpoint. */
  addresses: 16,

  // timing: what may be wished of the solver
  wishDetectMs: 60_000,
  wishRttMs: 10_000,
  /** A plane that loses more than half is not up. */
  wishLossRate: 0.5,
  wishRerouteMs: 600_000,

  // before a peer is authenticated
  handshakeMs: 3000,
  handshakeFrames: 4,
  handshakeBytes: 2048,
  halfOpenLinks: 64,
  halfOpenLinksPerAddress: 8,
  /** After a REFUSE, the association ends by itself within this time or is aborted. */
  refuseLingerMs: 1000,

  // link
  /** After a LEAVE, the association is shut down within this time or aborted. */
  leaveMs: 3000,
  /** Records of one bundle: a body of 64 KiB still travels in one piece with its head. */
  bundleBytes: 64 * 1024 + 1024,
  /** One bundle as it travels, whole; a longer one ends the link. */
  bundleFrameBytes: 96 * 1024,
  /** Records over `bundleBytes` travel in pieces of this size. */
  fragmentBytes: 64 * 1024,
  /** Large messages under way at the same time on one stream. */
  reassemblies: 16,
  /** Messages that wait to be sent on one link: `send` returns false above this. */
  outboxHighWaterBytes: 256 * 1024,
  /** `drain` follows when they have fallen to this. */
  outboxLowWaterBytes: 64 * 1024,
  /** `send` fails with ERR_QUEUE_FULL beyond this. */
  outboxHardBytes: 192 * 1024 * 1024,
  /**
   * Messages of one link without an outcome: the same. More than credit and high-water mark of the
   * smallest messages, so that who stops when `send` returns false never meets it.
   */
  outboxMessages: 2 ** 21,
  /** Bundles a link gives its association beyond what the kernel takes at once. */
  carrierQueueBytes: 256 * 1024,
  /**
   * Bundles a link gives its association before the event loop has a turn: who sends as fast as the
   * kernel takes it would otherwise read no answer and run no timer until all is sent.
   */
  flushBytes: 64 * 1024,
  /** Acknowledgements and refusals in one bundle, beside its other records. */
  bundleAckBytes: 16 * 1024,
  /** Messages that a peer may send and our handlers are not done with, but for large ones. */
  smallCreditBytes: 8 * 1024 * 1024,
  /** The same for messages in fragments: one of the largest, or many smaller ones. */
  largeCreditBytes: 64 * 1024 * 1024 + 64 * 1024,
  /** A loose stream's numbers that are told apart. */
  replayWindow: 1024,
  /** A key of a stream seals at most so many bundles, and serves for at most so long. */
  rekeyBundles: 2 ** 20,
  rekeyMs: 3_600_000,
  /** Acknowledgements wait so long for a bundle to ride in, or for so many bytes. */
  ackDelayMs: 2,
  ackBytes: 16 * 1024,

  // wire
  nodeNameBytes: 128,
  clusterLabelBytes: 64,
  topicBytes: 255,
  /** Largest body of one message, when it is bytes as they are. */
  messageBytes: 64 * 1024 * 1024,
  /** The same in CBOR, which is decoded in one turn of the event loop. */
  cborBodyBytes: 1024 * 1024,
  /** Arrays and objects in one body lie at most this deep in each other. */
  bodyDepth: 32,
  /** Values in one body, keys included. */
  bodyItems: 262144,
  /**
   * Numbers and BigInts in one body that are keys of Maps or elements of Sets. V8 hashes them
   * without a secret: 60,000 chosen ones, which fit into 300 KB, keep it busy for 7 s.
   */
  bodyNumberKeys: 4096,
  /** A BigInt in a body, without its sign: the time to read one grows with the square of this. */
  bigIntBits: 1024,
  /**
   * A Date in a body lies within this time of 1970 (the year 141,338): beyond, a float of seconds
   * no longer tells its milliseconds apart.
   */
  dateSeconds: 2 ** 42,
  keyMinBytes: 32,
  keyFileBytes: 4096,
  /** Keys a node holds at once; a rotation needs two. */
  keys: 16,

  // node
  peers: 1024,
  pendingCalls: 65536,
  /**
   * A call waits so long for its answer unless it or the profile tells otherwise: that of `lan` and
   * `wan`.
   */
  callDeadlineMs: 5000,
  /** Topics a node subscribes to, and groups it is a member of, each; also of what a peer tells. */
  sharedNames: 4096,
  /** Names in one message that tells of them: it goes in one piece. */
  sharedNamesPerMessage: 200,
  /** `monitor`s that have not told yet. */
  monitors: 65536,
  /** Streamed replies that a node reads at once. */
  openStreams: 1024,
  /** Streamed replies that a node gives to one peer at once. */
  producers: 1024,
  /** Items a producer may send before it has heard of the reader. */
  streamInitialCreditBytes: 64 * 1024,
  /** Items that wait for a reader, unless told otherwise, and the most that can be asked for. */
  streamCreditBytes: 256 * 1024,
  streamCreditMaxBytes: 64 * 1024 * 1024,
  /** One item of a stream; one such may lie beyond the credit. */
  streamItemBytes: 1024 * 1024,
  /** What an item counts beside its body, so that empty ones are bounded, too. */
  streamItemOverheadBytes: 64,
  redialMinMs: 100,
  redialMaxMs: 5000,
  /** Handshakes a node has under way with peers that it dials: at first, and at most. */
  dialsAtFirst: 2,
  dials: 16,
  /** One that takes no longer allows another beside it, one that does is the sign of a crowd. */
  dialSwiftMs: 500,
  /** A peer that does not answer keeps others from being dialled for so long. */
  dialPlaceMs: 300,
  /** Sources of peers one node follows. */
  peerSources: 16,
  /** Nodes tell their peers whom they reach at most once in so long for each peer there is, */
  reachPerPeerMs: 500,
  /** but no more often than this, */
  reachLeastMs: 1000,
  /** and never wait longer than this. */
  reachMostMs: 10_000,
  /** Names in one such report, and in all that one peer has told. */
  reachNames: 2048,
  /**
   * Beyond the outage time, before a pair without a link is told of: longer than what a peer knows
   * may be late (`reachMostMs`), and than a dialler may pause (`redialMaxMs`).
   */
  partitionGraceMs: 15_000,
  /** Pairs one node tells of. */
  partitionPairs: 256,
  /** Nodes in the matrix of who reaches whom. */
  matrixNodes: 1025,
  /** Names a source asks the DNS for at the same time. */
  dnsLookups: 16,
  /** The DNS server has so long to answer, and is asked so often. */
  dnsTimeoutMs: 2000,
  dnsTries: 2,
  /** Names in the DNS are looked up again after so long, unless told otherwise, */
  dnsRefreshMs: 30_000,
  /** no sooner than this, which is also the first pause after a failure. */
  dnsRefreshMinMs: 1000,
  /** Peers without a link whose traffic is remembered by name. */
  departedPeers: 64,
  /** The JSON file `backplane serve` and `ping` read. */
  configFileBytes: 1024 * 1024,

  // config
  /** Masters of one epoch. */
  configMasters: 7,
  /** Forced lineages a cluster remembers as its ancestors. */
  configAncestors: 64,
  /** The name of whoever gave a command, in an epoch record. */
  configCauseCharacters: 256,
  /** The body of one entry of the log: operations, or an epoch record. */
  configEntryBytes: 768 * 1024,
  /**
   * The log is compacted beyond either of these. A master that starts applies all of it before it
   * serves, which costs some 20 us an entry; a follower that was away for longer gets a snapshot.
   */
  configLogEntries: 4096,
  configLogBytes: 32 * 1024 * 1024,
  /**
   * A log may grow to so many times these for followers that have not been sent all of it: one that
   * takes a snapshot while much is written would otherwise begin again and again.
   */
  configHeldLogs: 4,
  /** Entries that are stored or sent together, and their bytes (one alone may have more). */
  configBatchEntries: 1024,
  configBatchBytes: 256 * 1024,
  /** Batches given to a store that it has not answered. */
  configPersists: 4,
  /** What is committed is noted on disk with the next batch, or alone after so long. */
  configNoteMs: 50,
  /** A slave, for whose disk nobody waits, flushes what it gets after half of this or more. */
  configSlaveNoteMs: 5000,
  /** Items in one piece of a snapshot. */
  configPieceItems: 4096,
  /** Revisions before the oldest one kept whose request ids are remembered. */
  configRequestIds: 16_384,
  /** Sent to one follower and not yet dealt with by it. */
  configFeedBytes: 4 * 1024 * 1024,
  /** Requests of one machine that have no answer yet. */
  configRequests: 16_384,
  /** A request is passed on so often: from a slave to a master, and to the sequencer. */
  configHops: 3,
  /** Entries of the sequencer that are not committed. */
  configPipelineEntries: 8192,
  configPipelineBytes: 16 * 1024 * 1024,
  /** All items of one snapshot: more than any configuration has. */
  configStateBytes: 384 * 1024 * 1024,
  /** Sets of entries that a store keeps for people to look at. */
  configSetAside: 4,
  /** Replicas send their messages in parts of this size, */
  configPartBytes: 64 * 1024,
  /** and a whole one has at most so much: an entry, with room for what goes with it. */
  configMessageBytes: 1024 * 1024,
  /** The load timeout where nothing else is said. */
  configLoadMs: 10_000,
  /** A store on disk, with all that LMDB needs beside what is in it. */
  configStoreBytes: 2 * 1024 * 1024 * 1024,
  /** It grows by this much at a time. */
  configStoreStepBytes: 1024 * 1024,
  /** What a store writes at once: batches that wait go together up to this, items of a snapshot. */
  configCommitBytes: 1024 * 1024,
  /** A key, and a prefix. */
  configKeyBytes: 512,
  /** A value when encoded. */
  configValueBytes: 256 * 1024,
  /** A transaction when encoded: it travels and is stored in one piece, in CBOR with others. */
  configTransactionBytes: 768 * 1024,
  /** Conditions of one transaction. */
  configConditions: 4096,
  /** Operations of one transaction. */
  configOperations: 4096,
  /** Keys that one transaction changes: they are told to watchers together. */
  configChangedKeys: 16_384,
  /** Keys that have a value, and bytes of these keys and values: every node has all in memory. */
  configKeys: 262_144,
  configBytes: 64 * 1024 * 1024,
  /** A piece of a snapshot; one item goes in one piece, however long it is. */
  configPieceBytes: 256 * 1024,
  /** Schemas of one tree, and the bytes of each when encoded. */
  configSchemas: 256,
  configSchemaBytes: 16 * 1024,
  /**
   * Parts of one schema: keywords, names, values in lists; with references, each time. To compile
   * so many takes some 100 ms.
   */
  configSchemaParts: 1024,
  configPatternCharacters: 256,
  /** Steps a pattern is compiled to: `{n}` repeats them. */
  configPatternSteps: 1024,
  /**
   * What is spent on checking one transaction: parts of schemas times parts of values. So many take
   * some 100 ms.
   */
  configSchemaUnits: 2 ** 24,
  /** YAML or JSON to be read. */
  configTextCharacters: 64 * 1024 * 1024,
  /** Watches at one node. */
  configWatches: 4096,
  /** Prefixes that one node is granted. */
  configGrants: 64,
  /** Items in one piece of what a watch begins with. */
  configWatchItems: 1024,

  // controller
  /** One controller waits so long for what another one tells of its host. */
  controllerAskMs: 1000,
  /** What the configuration has of hosts is looked at again no sooner than this. */
  controllerLookMs: 50,
  /** Settings of a worker in one piece: no more are begun beyond these, and one is no greater. */
  settingsPieceBytes: 256 * 1024,
  /** Alarms that a controller tells of its host, the worst first. */
  controllerAlarms: 64,
  /** Tasks of operators that are over and can still be shown, of one controller. */
  operatorTasks: 256,
  /** What such a task came to is shown later where it has no more characters than this, as JSON. */
  operatorResultCharacters: 64 * 1024,

  /**
   * Weights of the two parts of a control group that is delegated to a controller: where both want
   * all there is of the processors, each has half. With a quarter for the controller, what it does
   * for commits beside busy workers was more than it got on a slow host, and they queued up. They
   * are as large as this because time may be charged by the tick: one of 10 ms counts as 1 ms,
   * which is less than the credit that the kernel gives to who wakes (3 ms), so that the next
   * message, or commit, does not wait for it; with ten times as much, calls of workers wait for
   * whatever long work the controller has begun. Whoever changes them runs
   * `npm run -s lab -- oam`.
   */
  controllerCpuWeight: 1000,
  workersCpuWeight: 1000,

  // workers
  workerNameBytes: 64,
  /** Workers of one host. */
  workers: 4096,
  /** Arguments of one worker, and variables of its environment, each. */
  workerArguments: 512,
  /** All of them, with what else a keeper is told. */
  workerLaunchBytes: 256 * 1024,
  /** Restarts within a period that a group may be allowed. */
  workerIntensity: 1000,
  workerPeriodMs: 86_400_000,
  /** Longest back-off, and time to become ready, to beat and to stop. */
  workerWaitMs: 3_600_000,
  /** One file of a worker's output, and how many full ones are kept. */
  workerOutputBytes: 1024 * 1024 * 1024,
  workerOutputFiles: 100,
  /** What is read of a worker's output at once, unless told otherwise, and at most. */
  workerLogBytes: 64 * 1024,
  workerLogMostBytes: 8 * 1024 * 1024,
  /** Who follows it looks this often. */
  workerFollowMs: 200,
  /** What a keeper says in one line. */
  keeperLineBytes: 4096,
  /** A keeper that runs and has not answered the next controller by then is believed to be well. */
  keeperAnswerMs: 2000,
  /** One that runs and cannot be reached is tried again so often. */
  keeperRetryMs: 100,
  /** At the end, who was told how a worker ended, and its keeper, are waited for so long. */
  workersCloseMs: 2000,

  // tasks
  /** Tasks that one node has submitted and that are not over. */
  tasks: 65_536,
  /** Priorities of tasks: 0 to one less than this. */
  taskPriorities: 10,
  /** Attempts at one task whose member was lost and may have begun it. */
  taskAttempts: 16,
  /** A member that could not be given a task, or be asked how many it takes, is left alone. */
  taskRetryMs: 250,
  /** Pools that one node submits to. */
  taskPools: 1024,
  /** What members tell of one task's progress and nobody has taken yet: of more, the newest. */
  taskProgress: 256,
  /** The key of a task, and its idempotency key. */
  taskKeyBytes: 255,
  /** Results a member remembers of one pool by their idempotency keys, and their bytes. */
  taskResults: 4096,
  taskResultBytes: 16 * 1024 * 1024,
  /** Tasks of one pool that a member may run at once; as many may wait there. */
  poolConcurrency: 4096,

  // observe
  /** Active alarms of one code; there is no room for more. */
  alarmsPerCode: 256,
  /** What a program may say of an alarm: its text, its object, its plane. */
  alarmTextBytes: 1024,
  /** Alarms that were cleared and are remembered. */
  alarmHistory: 256,
  /** How often the queues of a node are looked at. */
  alarmSampleMs: 1000,
  /** One answer of a control socket, as its client reads it. */
  controlBytes: 16 * 1024 * 1024,
  /** A control socket's client and server give each other so much time. */
  controlMs: 5000,
  /** Clients of one control socket at a time. */
  controlClients: 16,
  /** Path of a Unix socket: `sun_path` without its end. */
  socketPathBytes: 107,

  // adapters
  /** Brokers of Moleculer at one node. */
  nodeIdsPerNode: 16,
  /** A stream of Moleculer runs ahead of its reader by so much, and one piece more. */
  streamWindowBytes: 1024 * 1024,
  /** The id a server of socket.io gives itself; its own has 16. */
  serverIdCharacters: 64,

  // lab
  /** Hosts and planes of one lab. */
  labHosts: 64,
  labPlanes: 8,
  /** A guest that has not come up by then is given up. */
  guestBootMs: 30_000,

  // testing
  /** Hosts of one network for tests. */
  testHosts: 250,

  /** Longest time `setTimeout` can hold, and so the longest deadline. */
  deadlineMaxMs: 2 ** 31 - 1,
  /**
   * Of what one address can cause again and again, one report is given in this time; the others are
   * counted.
   */
  reportEveryMs: 1000,
  /** Addresses told apart in that; beyond, all others share one place. */
  reportedAddresses: 256,
} as const;
