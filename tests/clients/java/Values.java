import java.time.Instant;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.core.SdkField;
import software.amazon.awssdk.core.SdkPojo;
import software.amazon.awssdk.core.protocol.MarshallingType;
import software.amazon.awssdk.core.traits.ListTrait;
import software.amazon.awssdk.core.traits.MapTrait;
import software.amazon.awssdk.core.util.SdkAutoConstructList;
import software.amazon.awssdk.core.util.SdkAutoConstructMap;
import software.amazon.awssdk.protocols.jsoncore.JsonNode;
import software.amazon.awssdk.protocols.jsoncore.JsonWriter;
import software.amazon.awssdk.utils.builder.Buildable;

/** The SDK's types from JSON and as JSON, with the members' names in the model, which are not always the SDK's. */
final class Values {
    private Values() {}

    /** What is built by a builder, once it has what the JSON has. */
    static Object filled(SdkPojo builder, JsonNode json) {
        Map<String, JsonNode> members = new LinkedHashMap<>(json.asObject());
        for (SdkField<?> field : builder.sdkFields()) {
            JsonNode value = members.remove(field.locationName());
            if (value != null) {
                field.set(builder, given(field, value));
            }
        }
        if (!members.isEmpty()) {
            throw new IllegalArgumentException("the SDK has no " + members.keySet());
        }
        return ((Buildable) builder).build();
    }

    private static Object given(SdkField<?> field, JsonNode json) {
        MarshallingType<?> type = field.marshallingType();
        if (type == MarshallingType.INTEGER) {
            return Integer.valueOf(json.asNumber());
        } else if (type == MarshallingType.LONG) {
            return Long.valueOf(json.asNumber());
        } else if (type == MarshallingType.BOOLEAN) {
            return json.asBoolean();
        } else if (type == MarshallingType.SDK_BYTES) {
            return SdkBytes.fromByteArray(Base64.getDecoder().decode(json.asString()));
        } else if (type == MarshallingType.LIST) {
            SdkField<?> member = field.getTrait(ListTrait.class).memberFieldInfo();
            return json.asArray().stream().map(item -> given(member, item)).collect(Collectors.toList());
        } else if (type == MarshallingType.MAP) {
            SdkField<?> value = field.getTrait(MapTrait.class).valueFieldInfo();
            Map<String, Object> map = new LinkedHashMap<>();
            json.asObject().forEach((key, item) -> map.put(key, given(value, item)));
            return map;
        } else if (type == MarshallingType.SDK_POJO) {
            return filled(field.constructor().get(), json);
        }
        return json.asString();
    }

    static void write(JsonWriter json, Object value) {
        if (value instanceof SdkPojo pojo) {
            json.writeStartObject();
            for (SdkField<?> field : pojo.sdkFields()) {
                Object member = field.getValueOrDefault(pojo);
                if (!isAbsent(member)) {
                    json.writeFieldName(field.locationName());
                    write(json, member);
                }
            }
            json.writeEndObject();
        } else if (value instanceof Map<?, ?> map) {
            json.writeStartObject();
            map.forEach((key, item) -> {
                json.writeFieldName(key.toString());
                write(json, item);
            });
            json.writeEndObject();
        } else if (value instanceof List<?> list) {
            json.writeStartArray();
            list.forEach(item -> write(json, item));
            json.writeEndArray();
        } else if (value instanceof Integer number) {
            json.writeValue(number);
        } else if (value instanceof Long number) {
            json.writeValue(number);
        } else if (value instanceof Double number) {
            json.writeValue(number);
        } else if (value instanceof Boolean truth) {
            json.writeValue(truth);
        } else if (value instanceof SdkBytes bytes) {
            json.writeValue(Base64.getEncoder().encodeToString(bytes.asByteArray()));
        } else if (value instanceof Instant time) {
            json.writeValue(time.toString());
        } else {
            json.writeValue((String) value);
        }
    }

    /** In place of a list or a map that did not come the SDK has an empty one of its own. */
    private static boolean isAbsent(Object member) {
        return member == null || member instanceof SdkAutoConstructList || member instanceof SdkAutoConstructMap;
    }
}
