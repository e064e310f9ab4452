package interop;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The conversation with the Go test that started this program: one line each way. We print PLAN, PASS, FAIL and SENT,
 * and ask for what only the test can do (kill the server); it answers {@code ANSWER id ok} or {@code ANSWER id reason}.
 */
final class Driver {
    private final PrintStream out = System.out;
    private final AtomicInteger nextId = new AtomicInteger();
    private final Map<String, CompletableFuture<String>> waiting = new ConcurrentHashMap<>();
    private volatile boolean stopped;

    void listen() {
        Thread reader = new Thread(this::read, "driver");
        reader.setDaemon(true);
        reader.start();
    }

    private void read() {
        try (BufferedReader in = new BufferedReader(new InputStreamReader(System.in))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                String[] words = line.split(" ", 3);
                if (words[0].equals("STOP")) {
                    stopped = true;
                } else if (words.length == 3) {
                    waiting.remove(words[1]).complete(words[2]);
                }
            }
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Whether the test has said STOP. */
    boolean stopped() {
        return stopped;
    }

    synchronized void say(String line) {
        out.println(line.replace('\n', ' '));
        out.flush();
    }

    /** Asks and waits for the answer; anything but "ok" is a failure. */
    void ask(String question) throws Exception {
        String id = String.valueOf(nextId.incrementAndGet());
        CompletableFuture<String> answer = new CompletableFuture<>();
        waiting.put(id, answer);
        say("ASK " + id + " " + question);
        String text = answer.get(60, TimeUnit.SECONDS);
        if (!text.equals("ok")) {
            throw new AssertionError(question + ": " + text);
        }
    }
}
