package compare;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;

/** The measured span of a command: what ends between its begin and its end counts. */
final class Span {
    private static final OperatingSystemMXBean SYSTEM = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    final Histogram latency = new Histogram();
    private final LongAdder messages = new LongAdder();
    private final LongAdder failed = new LongAdder();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private volatile boolean open;
    private volatile boolean over;
    private long began;
    private long ended;
    private long cpu;

    boolean isOver() {
        return over;
    }

    /** Counts messages that were sent together at a time of System.nanoTime. */
    void done(long sent, int count) {
        if (open) {
            messages.add(count);
            latency.record(System.nanoTime() - sent);
        }
    }

    void count(long count) {
        messages.add(count);
    }

    void fail(Throwable why) {
        failed.increment();
        failure.compareAndSet(null, why);
    }

    void begin() {
        Events.begin();
        cpu = SYSTEM.getProcessCpuTime();
        began = System.nanoTime();
        open = true;
    }

    void end() {
        open = false;
        ended = System.nanoTime();
        cpu = SYSTEM.getProcessCpuTime() - cpu;
        Events.end();
        over = true;
    }

    /** Lets the load run for some seconds, then measures for some. */
    void pass(double warm, double seconds) throws InterruptedException {
        Thread.sleep((long) (warm * 1000));
        begin();
        Thread.sleep((long) (seconds * 1000));
        end();
    }

    /** Rates, percentiles in milliseconds, CPU seconds per million messages. It throws what failed if nothing succeeded. */
    Map<String, Double> numbers() throws Exception {
        double count = messages.sum();
        if (count == 0) {
            throw new Exception("no message got through", failure.get());
        }
        Map<String, Double> all = new TreeMap<>();
        all.put("messages", count);
        all.put("seconds", (ended - began) / 1e9);
        all.put("rate", count / ((ended - began) / 1e9));
        all.put("clientCPU", cpu / 1e3 / count);
        if (failed.sum() > 0) {
            all.put("failed", (double) failed.sum());
            Events.note(failure.get().toString());
        }
        if (latency.millis(1) > 0) {
            all.put("p50", latency.millis(0.5));
            all.put("p99", latency.millis(0.99));
            all.put("p999", latency.millis(0.999));
        }
        return all;
    }
}
