import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;

/** Makes a line "path = value" of each field of an answer, in an order that does not hang on hash tables. */
final class Fields {
    /** What is a number that follows from time, from the size of a record, or from what else the server has. */
    private static final Set<String> LOOSE = Set.of("storeSize", "commitLogOffset", "counter", "topicPutTps", "consumeTps", "delayTime", "spentTimeMills",
        "sum", "tps", "avgpt", "pullRT", "pullTPS", "consumeRT", "consumeOKTPS", "consumeFailedTPS", "consumeFailedMsgs");

    private Fields() {
    }

    static List<String> of(Object value) {
        List<String> lines = new ArrayList<>();
        add(lines, "", "", value);
        return lines;
    }

    private static void add(List<String> lines, String path, String name, Object value) {
        if (value instanceof Map<?, ?> map) {
            Map<String, Object> sorted = new TreeMap<>();
            map.forEach((key, element) -> sorted.put(String.join(" ", texts(key)), element));
            sorted.forEach((key, element) -> add(lines, path + "/" + key, key, element));
            empty(lines, path, map.isEmpty());
        } else if (value instanceof Object[] array) {
            add(lines, path, name, Arrays.asList(array));
        } else if (value instanceof List<?> elements) {
            for (int i = 0; i < elements.size(); i++) {
                add(lines, path + "/" + i, name, elements.get(i));
            }
            empty(lines, path, elements.isEmpty());
        } else if (value instanceof Collection<?> set) {
            List<Object> elements = new ArrayList<>(set);
            elements.sort(Comparator.comparing(element -> String.join("\n", of(element))));
            elements.forEach(element -> add(lines, path + "/*", name, element));
            empty(lines, path, elements.isEmpty());
        } else if (bean(value)) {
            int before = lines.size();
            for (Field field : fields(value.getClass())) {
                add(lines, path + "/" + field.getName(), field.getName(), get(field, value));
            }
            empty(lines, path, lines.size() == before);
        } else {
            lines.add((path.isEmpty() ? "answer" : path) + " = " + text(name, value));
        }
    }

    private static void empty(List<String> lines, String path, boolean empty) {
        if (empty) {
            lines.add((path.isEmpty() ? "answer" : path) + " is empty");
        }
    }

    private static boolean bean(Object value) {
        return value != null && !(value instanceof Enum) && value.getClass().getName().startsWith("org.apache.rocketmq.");
    }

    private static String text(String name, Object value) {
        if (value instanceof byte[] bytes) {
            return new String(bytes, StandardCharsets.UTF_8);
        }
        boolean number = value instanceof Number || value instanceof String text && text.matches("-?[0-9.]+");
        return LOOSE.contains(name) && number ? "<n>" : String.valueOf(value).replace("\n", "\\n");
    }

    /** The values of a key's fields: a queue's topic, broker and number. */
    private static List<String> texts(Object key) {
        if (!bean(key)) {
            return List.of(String.valueOf(key));
        }
        return fields(key.getClass()).stream().map(field -> String.valueOf(get(field, key))).toList();
    }

    private static List<Field> fields(Class<?> kind) {
        if (kind == null || !kind.getName().startsWith("org.apache.rocketmq.")) {
            return List.of();
        }
        List<Field> all = new ArrayList<>(fields(kind.getSuperclass()));
        for (Field field : kind.getDeclaredFields()) {
            if (!Modifier.isStatic(field.getModifiers()) && !Modifier.isTransient(field.getModifiers()) && !field.isSynthetic()
                && !field.getType().equals(Random.class)) {
                all.add(field);
            }
        }
        return all;
    }

    private static Object get(Field field, Object of) {
        try {
            field.setAccessible(true);
            return field.get(of);
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(e);
        }
    }
}
