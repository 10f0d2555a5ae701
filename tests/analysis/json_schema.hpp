#pragma once

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

class SchemaCheck {
public:
    explicit SchemaCheck(const nlohmann::json& root) : root_{root} {}

    void value(const nlohmann::json& schema, const nlohmann::json& v, const std::string& at) {
        static const std::set<std::string> known{
            "$schema",       "title",   "description", "type",     "properties",
            "required",      "items",   "$defs",       "$ref",     "additionalProperties",
            "propertyNames", "minimum", "maximum",     "minItems", "enum",
            "const"};
        for (const auto& [word, rule] : schema.items())
            if (known.count(word) == 0) throw std::logic_error("unknown schema word " + word);
        if (schema.contains("$ref"))
            return value(
                root_.at(nlohmann::json::json_pointer(schema["$ref"].get<std::string>().substr(1))),
                v, at);
        if (schema.contains("type") && !has_type(schema["type"], v))
            return add(at, "is no " + schema["type"].dump() + " but " + v.type_name());
        if (schema.contains("const") && v != schema["const"]) add(at, "is another constant");
        if (schema.contains("enum") && !in(schema["enum"], v))
            add(at, "is none of " + schema["enum"].dump());
        if (v.is_number()) number(schema, v, at);
        if (v.is_array()) array(schema, v, at);
        if (v.is_object()) object(schema, v, at);
    }
    std::vector<std::string> out;

private:
    static bool in(const nlohmann::json& list, const nlohmann::json& v) {
        return std::find(list.begin(), list.end(), v) != list.end();
    }
    static bool has_type(const nlohmann::json& types, const nlohmann::json& v) {
        for (const nlohmann::json& type : types.is_array() ? types : nlohmann::json::array({types}))
            if (type == v.type_name() || (type == "integer" && v.is_number_integer())) return true;
        return false;
    }
    void number(const nlohmann::json& schema, const nlohmann::json& v, const std::string& at) {
        if (schema.contains("minimum") && v < schema["minimum"]) add(at, "is too small");
        if (schema.contains("maximum") && v > schema["maximum"]) add(at, "is too large");
    }
    void array(const nlohmann::json& schema, const nlohmann::json& v, const std::string& at) {
        if (schema.contains("minItems") && v.size() < schema["minItems"]) add(at, "is too short");
        for (std::size_t i = 0; schema.contains("items") && i < v.size(); ++i)
            value(schema["items"], v[i], at + "/" + std::to_string(i));
    }
    void object(const nlohmann::json& schema, const nlohmann::json& v, const std::string& at) {
        for (const nlohmann::json& key : schema.value("required", nlohmann::json::array()))
            if (!v.contains(key.get<std::string>())) add(at, "lacks " + key.dump());
        const nlohmann::json properties = schema.value("properties", nlohmann::json::object());
        for (const auto& [key, item] : v.items()) {
            const std::string here = at + "/" + key;
            if (schema.contains("propertyNames")) value(schema["propertyNames"], key, here);
            if (properties.contains(key))
                value(properties[key], item, here);
            else if (const nlohmann::json more =
                         schema.value("additionalProperties", nlohmann::json(true));
                     more.is_object())
                value(more, item, here);
            else if (more == false)
                add(here, "is not in the schema");
        }
    }
    void add(const std::string& at, const std::string& what) { out.push_back(at + " " + what); }

    const nlohmann::json& root_;
};

/// Where and why `value` is none of what the JSON Schema `schema` describes; empty when it is.
/// Knows the words that analysis/result.schema.json uses, and throws std::logic_error at any other:
/// a rule that nobody checks is none.
inline std::vector<std::string> violations(const nlohmann::json& schema,
                                           const nlohmann::json& value) {
    SchemaCheck check{schema};
    check.value(schema, value, "");
    return check.out;
}
