package compare;

import java.util.Map;
import java.util.StringJoiner;

/** What the generator prints. */
final class Events {
    private Events() {
    }

    static void begin() {
        print("{\"event\":\"begin\"}");
    }

    static void end() {
        print("{\"event\":\"end\"}");
    }

    /** Says why some of the messages failed. */
    static void note(String message) {
        print("note", message);
    }

    static void error(String message) {
        print("error", message);
    }

    private static void print(String event, String message) {
        StringBuilder text = new StringBuilder();
        for (char c : message.toCharArray()) {
            if (c == '"' || c == '\\') {
                text.append('\\');
            }
            text.append(c < ' ' ? ' ' : c);
        }
        print("{\"event\":\"" + event + "\",\"message\":\"" + text + "\"}");
    }

    static void result(Map<String, Double> numbers) {
        StringJoiner all = new StringJoiner(",", "{\"event\":\"result\",\"numbers\":{", "}}");
        numbers.forEach((name, value) -> all.add("\"" + name + "\":" + value));
        print(all.toString());
    }

    private static synchronized void print(String line) {
        System.out.println(line);
        System.out.flush();
    }
}
