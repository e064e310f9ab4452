package interop;

import java.io.BufferedWriter;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Random;
import java.util.zip.CRC32;
import org.apache.rocketmq.common.message.Message;

/**
 * What the programs of the torture tests write to standard output, one line an event, with the time in microseconds as its second
 * word. A program that may be killed keeps nothing back.
 */
final class Diary {
    private final BufferedWriter out =
        new BufferedWriter(new OutputStreamWriter(new FileOutputStream(FileDescriptor.out), StandardCharsets.UTF_8), 1 << 16);
    private final boolean atOnce;

    Diary(boolean atOnce) {
        this.atOnce = atOnce;
        Thread flusher = new Thread(this::flushOften, "flusher");
        flusher.setDaemon(true);
        flusher.start();
    }

    static long now() {
        Instant now = Instant.now();
        return now.getEpochSecond() * 1_000_000 + now.getNano() / 1000;
    }

    static long sum(byte[] body) {
        CRC32 sum = new CRC32();
        sum.update(body);
        return sum.getValue();
    }

    /** The key that a body begins with. */
    static String key(Message message) {
        String text = new String(message.getBody(), StandardCharsets.ISO_8859_1);
        int end = text.indexOf(' ');
        return end < 0 ? "?:0" : text.substring(0, end);
    }

    /** The key, a space, and letters; one in fifty is long enough to be compressed. */
    static byte[] body(String key, Random random) {
        StringBuilder text = new StringBuilder(key).append(' ');
        int length = random.nextInt(50) == 0 ? 5000 + random.nextInt(15_000) : random.nextInt(1500);
        for (int i = 0; i < length; i++) {
            text.append((char) ('a' + random.nextInt(26)));
        }
        return text.toString().getBytes(StandardCharsets.US_ASCII);
    }

    /** Writes "verb now rest". */
    void event(String verb, String rest) {
        say(verb + " " + now() + " " + rest);
    }

    void say(String line) {
        synchronized (out) {
            try {
                out.write(line);
                out.newLine();
                if (atOnce) {
                    out.flush();
                }
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    void flush() throws IOException {
        synchronized (out) {
            out.flush();
        }
    }

    private void flushOften() {
        try {
            while (true) {
                Thread.sleep(20);
                flush();
            }
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
