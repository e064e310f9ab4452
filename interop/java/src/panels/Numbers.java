import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Reads a broker's table of what it says of itself as the exporter does, which gives the whole table up for one value that it cannot read. */
final class Numbers {
    private static final List<String> LONGS = List.of("msgPutTotalTodayNow", "sendThreadPoolQueueHeadWaitTimeMills", "queryThreadPoolQueueHeadWaitTimeMills",
        "msgGetTotalTodayNow", "queryThreadPoolQueueSize", "bootTimestamp", "msgPutTotalYesterdayMorning", "msgGetTotalYesterdayMorning", "pullThreadPoolQueueSize",
        "commitLogMinOffset", "pullThreadPoolQueueHeadWaitTimeMills", "dispatchMaxBuffer", "brokerVersion", "pageCacheLockTimeMills", "commitLogMaxOffset",
        "getMessageEntireTimeMax", "msgPutTotalTodayMorning", "putMessageTimesTotal", "msgGetTotalTodayMorning", "sendThreadPoolQueueSize",
        "startAcceptSendRequestTimeStamp", "putMessageEntireTimeMax", "earliestMessageTimeStamp", "remainTransientStoreBufferNumbs", "queryThreadPoolQueueCapacity",
        "dispatchBehindBytes", "putMessageSizeTotal", "sendThreadPoolQueueCapacity", "pullThreadPoolQueueCapacity");
    private static final List<String> DOUBLES = List.of("consumeQueueDiskRatio", "commitLogDiskRatio", "putMessageAverageSize", "putLatency99", "putLatency999");
    private static final List<String> RATES = List.of("putTps", "getMissTps", "getTransferredTps", "getTotalTps", "getFoundTps");

    private Numbers() {
    }

    interface Reading {
        void of(String text);
    }

    static Map<String, String> of(Map<String, String> table) {
        Map<String, String> read = new TreeMap<>();
        LONGS.forEach(name -> read.put(name, read(table.get(name), "a long", Long::parseLong)));
        DOUBLES.forEach(name -> read.put(name, read(table.get(name), "a double", Double::parseDouble)));
        RATES.forEach(name -> read.put(name, read(table.get(name), "rates", text -> {
            for (String rate : text.split(" ")) {
                Double.parseDouble(rate);
            }
        })));
        read.put("runtime", read(table.get("runtime"), "a text", text -> { }));
        read.put("brokerVersionDesc", read(table.get("brokerVersionDesc"), "a text", text -> { }));
        read.put("remainHowManyDataToFlush", read(table.get("remainHowManyDataToFlush"), "a double first", text -> Double.parseDouble(text.split(" ")[0])));
        read.put("commitLogDirCapacity", read(table.get("commitLogDirCapacity"), "total and free", Numbers::capacity));
        read.put("putMessageDistributeTime", read(table.get("putMessageDistributeTime"), "counts by time", Numbers::spread));
        table.forEach((name, value) -> {
            if (name.startsWith("scheduleMessageOffset")) {
                read.put(name, read(value, "two longs", text -> {
                    Long.parseLong(text.split(",")[0]);
                    Long.parseLong(text.split(",")[1]);
                }));
            }
        });
        return read;
    }

    private static String read(String text, String kind, Reading reading) {
        if (text == null) {
            return "missing";
        }
        try {
            reading.of(text);
            return kind;
        } catch (RuntimeException e) {
            return "not " + kind + ": " + text;
        }
    }

    private static void capacity(String text) {
        String[] words = text.split(" ");
        for (int at : new int[] {2, 6}) {
            Double.parseDouble(words[at]);
            if (!words[at + 1].matches("([KMGTP]i)?B[,.]")) {
                throw new IllegalArgumentException(words[at + 1]);
            }
        }
    }

    private static void spread(String text) {
        if (text.equalsIgnoreCase("null")) { // before the first minute
            return;
        }
        for (String one : text.split(" ")) {
            String[] parts = one.split(":");
            if (parts.length == 2) {
                Integer.parseInt(parts[1]);
            }
        }
    }
}
