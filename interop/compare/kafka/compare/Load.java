package compare;

import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.ConcurrentHistogram;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Puts a Kafka broker under the loads that Aerobee gets from `aerobee bench`, and prints the result as one line of JSON with the
 * names of `aerobee bench --json`. See README.md for what is the same and what is not.
 */
public final class Load {
    private static final String DEFAULTS = "url=127.0.0.1:9092 connections=1 threads=64 window=0 size=1024 rate=1000 count=1000000 "
            + "warm-up=45 duration=10 server-pid=0 partitions=8"; // times in seconds

    private final Map<String, String> options = new HashMap<>();
    private final List<String> command = new ArrayList<>(); // behind "--"
    private final String topic = "load-" + Long.toHexString(System.nanoTime());

    private final ConcurrentHistogram latency = new ConcurrentHistogram(TimeUnit.MINUTES.toNanos(10), 3);
    private final AtomicLong messages = new AtomicLong();
    private final AtomicLong failed = new AtomicLong();
    private final AtomicLong last = new AtomicLong();
    private long from; // the measured span
    private long until;

    public static void main(String[] args) throws Exception {
        Load load = new Load(args);
        switch (args.length == 0 ? "" : args[0]) {
            case "send" -> load.send();
            case "consume" -> load.consume();
            case "e2e" -> load.endToEnd();
            case "first" -> load.first();
            default -> throw new IllegalArgumentException("want send, consume, e2e or first");
        }
        System.out.flush();
        Runtime.getRuntime().halt(0); // what clients still have to close is not measured
    }

    private Load(String[] args) {
        for (String pair : DEFAULTS.split(" ")) {
            options.put(pair.split("=")[0], pair.split("=")[1]);
        }
        for (int i = 1; i < args.length; i += 2) {
            if (args[i].equals("--")) {
                command.addAll(Arrays.asList(args).subList(i + 1, args.length));
                return;
            }
            options.put(args[i].substring(2), args[i + 1]);
        }
    }

    private int number(String name) {
        return Integer.parseInt(options.get(name));
    }

    /** settings are the command line's of the client's own kind ("linger.ms"), over the given ones. */
    private Properties settings(String... given) {
        Properties p = new Properties();
        p.put("bootstrap.servers", options.get("url"));
        for (int i = 0; i < given.length; i += 2) {
            p.put(given[i], given[i + 1]);
        }
        options.forEach((name, value) -> {
            if (name.contains(".")) {
                p.put(name, value);
            }
        });
        return p;
    }

    private KafkaProducer<byte[], byte[]> producer(String... given) {
        return new KafkaProducer<>(settings(given), new ByteArraySerializer(), new ByteArraySerializer());
    }

    /** makeTopic makes the run's topic; --flush-messages N has each partition sync behind N messages. */
    private void makeTopic() throws Exception {
        try (Admin admin = Admin.create(settings())) {
            Map<String, String> configs = new HashMap<>();
            if (options.containsKey("flush-messages")) {
                configs.put("flush.messages", options.get("flush-messages"));
            }
            admin.createTopics(List.of(new NewTopic(topic, number("partitions"), (short) 1).configs(configs))).all().get();
        }
    }

    private void deleteTopic() throws Exception {
        try (Admin admin = Admin.create(settings())) {
            admin.deleteTopics(List.of(topic)).all().get();
        }
    }

    private void done(long intended) {
        long now = System.nanoTime();
        if (intended < from || intended >= until) {
            return;
        }
        messages.incrementAndGet();
        last.accumulateAndGet(now, Math::max);
        latency.recordValue(Math.max(0, now - intended));
    }

    private void send() throws Exception {
        makeTopic();
        List<KafkaProducer<byte[], byte[]>> producers = new ArrayList<>();
        boolean waits = number("window") == 0;
        for (int i = 0; i < number("connections"); i++) {
            producers.add(waits ? producer("acks", "all", "linger.ms", "0") : producer("acks", "all"));
        }
        List<Thread> workers = new ArrayList<>();
        long[] before = span();
        int count = waits ? number("threads") : producers.size();
        for (int i = 0; i < count; i++) {
            var producer = producers.get(i % producers.size());
            workers.add(new Thread(() -> {
                if (waits) {
                    waiting(producer);
                } else {
                    pipeline(producer);
                }
            }));
        }
        workers.forEach(Thread::start);
        report(before, workers);
        deleteTopic();
    }

    /** waiting sends one record after the other, each when the one before is acknowledged. */
    private void waiting(KafkaProducer<byte[], byte[]> producer) {
        byte[] body = body();
        for (long now = System.nanoTime(); now < until; now = System.nanoTime()) {
            try {
                producer.send(new ProducerRecord<>(topic, body)).get();
                done(now);
            } catch (Exception e) {
                failed.incrementAndGet();
            }
        }
    }

    /** pipeline has a window of records in flight, or in the producer's own batches. */
    private void pipeline(KafkaProducer<byte[], byte[]> producer) {
        byte[] body = body();
        Semaphore window = new Semaphore(number("window"));
        for (long now = System.nanoTime(); now < until; now = System.nanoTime()) {
            window.acquireUninterruptibly();
            long begun = System.nanoTime();
            producer.send(new ProducerRecord<>(topic, body), (meta, e) -> {
                if (e == null) {
                    done(begun);
                } else {
                    failed.incrementAndGet();
                }
                window.release();
            });
        }
        window.acquireUninterruptibly(number("window"));
    }

    private byte[] body() {
        String text = "Aerobee was a small rocket that carried instruments. ";
        return text.repeat(number("size") / text.length() + 1).substring(0, number("size")).getBytes();
    }

    /** span lays the measured span from now on, and returns where the CPU times of its beginning will be. */
    private long[] span() {
        long now = System.nanoTime();
        from = now + TimeUnit.SECONDS.toNanos(number("warm-up"));
        until = from + TimeUnit.SECONDS.toNanos(number("duration"));
        return new long[4];
    }

    private void report(long[] before, List<Thread> workers) throws Exception {
        LockSupport.parkNanos(from - System.nanoTime());
        System.arraycopy(times(), 0, before, 0, before.length);
        for (Thread w : workers) {
            w.join();
        }
        print(before, times(), (last.get() - from) / 1e9);
    }

    private void print(long[] a, long[] b, double seconds) {
        double million = messages.get() / 1e6;
        double others = Math.max(0, (b[2] - a[2]) - (b[0] - a[0]) - (b[1] - a[1])) / (double) Math.max(1, b[3] - a[3]);
        System.out.printf(Locale.ROOT, "{\"messages\":%d,\"seconds\":%f,\"rate\":%f,\"failed\":%d,%s\"cpu\":{\"clientSecondsPerMillion\":%f,"
                + "\"serverSecondsPerMillion\":%s,\"othersShare\":%f}}%n", messages.get(), seconds, messages.get() / seconds, failed.get(),
                percentiles(), (b[0] - a[0]) / 1e9 / million, number("server-pid") == 0 ? "null" : String.format(Locale.ROOT, "%f", (b[1] - a[1]) / 1e9 / million), others);
    }

    private String percentiles() {
        if (latency.getTotalCount() == 0) {
            return "";
        }
        return String.format(Locale.ROOT, "\"latencyMicros\":{\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p99.9\":%.1f,\"max\":%.1f},",
                at(50), at(90), at(99), at(99.9), latency.getMaxValue() / 1e3);
    }

    private double at(double percentile) {
        return latency.getValueAtPercentile(percentile) / 1e3;
    }

    /** times are CPU nanoseconds so far: this process, the server, all that is not idle, all. */
    private long[] times() throws Exception {
        var self = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        long[] out = {self.getProcessCpuTime(), 0, 0, 0};
        if (number("server-pid") != 0) {
            String stat = Files.readString(Path.of("/proc/" + number("server-pid") + "/stat"));
            String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
            out[1] = (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) * 10_000_000;
        }
        String[] machine = Files.readAllLines(Path.of("/proc/stat")).get(0).trim().split(" +");
        for (int i = 1; i <= 8; i++) {
            long t = Long.parseLong(machine[i]) * 10_000_000;
            out[3] += t;
            out[2] += i == 4 || i == 5 ? 0 : t; // idle and waiting for the disk
        }
        return out;
    }

    private KafkaConsumer<byte[], byte[]> consumer() {
        var consumer = new KafkaConsumer<>(settings("enable.auto.commit", "false"), new ByteArrayDeserializer(), new ByteArrayDeserializer());
        List<TopicPartition> all = new ArrayList<>();
        for (int i = 0; i < number("partitions"); i++) {
            all.add(new TopicPartition(topic, i));
        }
        consumer.assign(all);
        consumer.seekToBeginning(all);
        return consumer;
    }

    /** consume fills a backlog and drains it; the first half warms up. */
    private void consume() throws Exception {
        makeTopic();
        long count = number("count");
        var producer = producer("acks", "all");
        byte[] body = body();
        for (long i = 0; i < count; i++) {
            producer.send(new ProducerRecord<>(topic, body), (meta, e) -> {
                if (e != null) {
                    failed.incrementAndGet();
                }
            });
        }
        producer.close();
        var consumer = consumer();
        long received = 0;
        long warm = count / 2;
        long begun = 0;
        long[] before = null;
        while (received < count && failed.get() == 0) {
            int n = consumer.poll(Duration.ofSeconds(15)).count();
            if (n == 0) {
                throw new IllegalStateException(received + " of " + count + " records came");
            }
            received += n;
            if (before == null && received >= warm) {
                begun = System.nanoTime();
                before = times();
                warm = received;
            }
        }
        messages.set(received - warm);
        print(before, times(), (System.nanoTime() - begun) / 1e9);
        deleteTopic();
    }

    /** endToEnd sends at a rate and measures from each record's intended time until it is polled. */
    private void endToEnd() throws Exception {
        makeTopic();
        var producer = producer("acks", "all", "linger.ms", "0");
        long begin = System.nanoTime();
        CountDownLatch polling = new CountDownLatch(1);
        Thread receiver = new Thread(() -> {
            var consumer = consumer();
            consumer.poll(Duration.ofMillis(500));
            polling.countDown();
            while (!Thread.currentThread().isInterrupted()) {
                for (ConsumerRecord<byte[], byte[]> r : consumer.poll(Duration.ofMillis(100))) {
                    done(ByteBuffer.wrap(r.value()).getLong());
                }
            }
        });
        receiver.start();
        polling.await();
        long[] before = span();
        long first = System.nanoTime();
        Thread sender = new Thread(() -> {
            double gap = 1e9 / Double.parseDouble(options.get("rate"));
            for (long i = 0; ; i++) {
                long intended = first + (long) (i * gap);
                if (intended >= until) {
                    break;
                }
                for (long left = intended - System.nanoTime(); left > 0; left = intended - System.nanoTime()) {
                    LockSupport.parkNanos(left);
                }
                byte[] body = body();
                ByteBuffer.wrap(body).putLong(intended);
                producer.send(new ProducerRecord<>(topic, body), (meta, e) -> {
                    if (e != null) {
                        failed.incrementAndGet();
                    }
                });
            }
            producer.flush();
            LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(1)); // for the consumer
        });
        sender.start();
        report(before, List.of(sender));
        deleteTopic();
    }

    /** first starts the server over and over, and measures from exec to the first acknowledged record. The first start makes the topic and is not measured. */
    private void first() throws Exception {
        until = Long.MAX_VALUE;
        for (int i = 0; i <= number("count"); i++) {
            ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD);
            long began = System.nanoTime();
            Process server = builder.start();
            if (i == 0) {
                makeTopic();
            }
            var producer = producer("acks", "all", "reconnect.backoff.ms", "2", "reconnect.backoff.max.ms", "2", "retry.backoff.ms", "2", "retry.backoff.max.ms", "2");
            producer.send(new ProducerRecord<>(topic, body())).get();
            if (i > 0) {
                done(began);
            }
            producer.close();
            server.destroy();
            server.waitFor();
        }
        System.out.printf(Locale.ROOT, "{\"messages\":%d,\"failed\":0,%s\"cpu\":{}}%n", messages.get(), percentiles());
    }
}
