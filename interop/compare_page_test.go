package interop

// pageHead is how BENCHMARKS.md begins, whatever was measured.
const pageHead = `# Benchmarks

Apache RocketMQ and Aerobee (and, where the work is the same, others) under the same load with the same durability, on one
machine, in one run. ` + "`make bench-compare`" + ` measures everything, ` + "`make bench-compare ROW=name`" + ` one row; this page is rendered
from ` + "`interop/compare/results`" + `. Numbers of different machines do not compare; ratios do.

How to read it:
- **Rounds are interleaved**: each server has its first round, then each its second. A cell is the median of the rounds and, in
  brackets, the lowest and the highest. While one server is measured, the others are stopped (SIGSTOP) or not running.
- **CPU** is what the server's processes used, user and system, in seconds per million messages: broker and NameServer
  together. The load generators run on the same processors, so CPU time and latency compare the servers better than rates do.
- **Others' CPU** is what processes that take no part, and other guests of the host, used while a round lasted. A round beyond the bound is
  measured again, at most twice; then the least disturbed one counts, with a mark. *Kernel threads* write back what a server has left to the page cache;
  their time is not in the server's.
- **Durability**: with SYNC_FLUSH a message is acknowledged when it is on disk, with ASYNC_FLUSH when it is in memory. Aerobee's default is
  SYNC_FLUSH, Apache's is ASYNC_FLUSH. "Better than" and the summary compare Aerobee with SYNC_FLUSH to the column that they name.
- **Apache RocketMQ** comes from Maven Central and has its default settings but for addresses, directory, ` + "`flushDiskType`" + ` and
  ` + "`diskMaxUsedSpaceRatio=90`" + ` (neither server may begin to delete while it is measured); transientStorePool is off, and it writes no log
  files. Its broker runs with ` + "`-server -Xms2g -Xmx2g -Xmn1g -XX:MaxDirectMemorySize=4g`" + `, its NameServer with ` + "`-server -Xms256m -Xmx256m`" + `, both with
  the G1 settings of Apache's own script and without AlwaysPreTouch. Before its first round its JIT has run for 45 s under load of the same kind.
- **Aerobee** has its default settings but for address, directory and ` + "`diskMaxUsedSpaceRatio=90`" + `, and ` + "`flushDiskType`" + ` where a column says ASYNC_FLUSH.
- **Memory that nobody touched** is slow the first time on virtual machines whose host backs memory lazily: about 10 µs a page here. So each server starts
  on an empty directory, files of those before are removed, and dirty pages are written back before each round; a server without a JIT starts
  anew behind each round in which it stored more than 2 GiB, one with a JIT before a row if it holds more than 6 GiB, as warming it again costs a minute.
  The row *floor* shows what the disk, the loopback device and the memory can do.
- **Loads**: "Java" is the official client 5.5.0 in one JVM that stays over all rounds (` + "`interop/compare/java`" + `); "cheap" is
  ` + "`aerobee bench`" + `, in Go, which leaves more of the machine to the server. Bodies have 1 KiB unless a row says otherwise; topics have eight
  queues. Latencies at a rate count from the intended time of sending (corrected for coordinated omission).
`
