package compare;

import java.util.HashMap;
import java.util.Map;

/** A verb and its settings: "senders topic=t threads=64 warm=2 seconds=10". */
final class Command {
    final String verb;
    private final Map<String, String> settings = new HashMap<>();

    Command(String line) {
        String[] words = line.trim().split(" +");
        verb = words[0];
        for (int i = 1; i < words.length; i++) {
            int at = words[i].indexOf('=');
            if (at < 0) {
                throw new IllegalArgumentException(words[i] + ": want NAME=VALUE");
            }
            settings.put(words[i].substring(0, at), words[i].substring(at + 1));
        }
    }

    String text(String name) {
        String value = settings.get(name);
        if (value == null) {
            throw new IllegalArgumentException(verb + ": " + name + " is missing");
        }
        return value;
    }

    double number(String name) {
        return Double.parseDouble(text(name));
    }

    int count(String name) {
        return Integer.parseInt(text(name));
    }
}
