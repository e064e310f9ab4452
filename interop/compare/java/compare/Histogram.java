package compare;

import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Counts nanoseconds in buckets that are at most 0.2 % wide, from any number of threads at once. Values up to 512 have a bucket each; each
 * doubling above has 512 more.
 */
final class Histogram {
    private static final int BITS = 9;
    private static final int HALF = 1 << BITS;
    private final AtomicLongArray counts = new AtomicLongArray((64 - BITS) * HALF);

    void record(long nanos) {
        counts.incrementAndGet(bucket(Math.max(0, nanos)));
    }

    private static int bucket(long value) {
        if (value < HALF) {
            return (int) value;
        }
        int shift = 63 - Long.numberOfLeadingZeros(value) - BITS;
        return (shift + 1) * HALF + (int) ((value >>> shift) - HALF);
    }

    /** The highest value of a bucket. */
    private static long top(int bucket) {
        if (bucket < HALF) {
            return bucket;
        }
        int shift = bucket / HALF - 1;
        return ((long) (bucket % HALF + HALF + 1) << shift) - 1;
    }

    /** The value that the given part of all values, 0 to 1, does not exceed, in milliseconds; 0 without values. */
    double millis(double part) {
        long total = 0;
        for (int i = 0; i < counts.length(); i++) {
            total += counts.get(i);
        }
        long left = (long) Math.ceil(total * part);
        for (int i = 0; i < counts.length(); i++) {
            left -= counts.get(i);
            if (left <= 0) {
                return total == 0 ? 0 : top(i) / 1e6;
            }
        }
        return 0;
    }
}
