package interop;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.rocketmq.common.message.MessageExt;

/** What scenarios assert. */
final class Check {
    private Check() {
    }

    static void equal(String what, Object want, Object got) {
        if (!Objects.equals(want, got)) {
            throw new AssertionError(what + ": want " + want + ", got " + got);
        }
    }

    static void that(String what, boolean holds) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    static void between(String what, long low, long high, long got) {
        that(what + ": want " + low + ".." + high + ", got " + got, low <= got && got <= high);
    }

    static String text(MessageExt message) {
        return new String(message.getBody(), StandardCharsets.UTF_8);
    }

    static List<String> texts(List<MessageExt> messages) {
        return messages.stream().map(Check::text).toList();
    }

    static TreeSet<String> sorted(List<MessageExt> messages) {
        return new TreeSet<>(texts(messages));
    }

    /** Looks again every 50 ms until the condition holds; an exception counts as "not yet". */
    static void eventually(String what, int seconds, Callable<Boolean> condition) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        String last = "";
        while (System.nanoTime() < end) {
            try {
                if (condition.call()) {
                    return;
                }
            } catch (Exception e) {
                last = ": " + e;
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
        }
        throw new AssertionError("not within " + seconds + " s: " + what + last);
    }

    /** Runs what must fail and returns the failure. */
    static Exception fails(String what, Callable<?> action) {
        Object result;
        try {
            result = action.call();
        } catch (Exception e) {
            return e;
        }
        throw new AssertionError(what + ": accepted with " + result);
    }
}
