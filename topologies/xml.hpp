#pragma once

#include <map>
#include <string>
#include <vector>

namespace moesim::topologies {

/// An element of an XML file: name, attributes, elements inside. Text between elements is skipped.
struct XmlElement {
    std::string name;
    std::map<std::string, std::string> attributes;
    std::vector<XmlElement> children;
    int line = 0;

    /// An attribute, "" when absent.
    [[nodiscard]] std::string get(const std::string& attribute) const;
};

/// The root element. As much of XML as NCCL's topology files use: elements, attributes, comments,
/// declarations, the five named entities; up to 64 elements deep and 100,000 in all. Anything else
/// throws sim::InputError, "FILE:LINE: error: what".
XmlElement parse_xml(const std::string& text, const std::string& file);

}  // namespace moesim::topologies
