package openjd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Bounds of a template's text: what nobody writes is refused before it costs memory.
const (
	MaxTemplate = 1 << 20 // bytes

	maxDepth = 64
	maxNodes = 200_000
)

type kind int

const (
	isNull kind = iota
	isString
	isInt
	isFloat
	isBool
	isList
	isMap
)

// node is a value of the template, whichever language it is written in.
type node struct {
	kind   kind
	text   string // of a scalar, as it is written
	list   []*node
	keys   []string // of a map, in their order
	fields map[string]*node
}

// read makes a tree of JSON or YAML.
func read(text []byte) (*node, error) {
	if len(text) > MaxTemplate {
		return nil, refuse("", "the template is over %d bytes long", MaxTemplate)
	}
	left := maxNodes
	if trimmed := bytes.TrimSpace(text); len(trimmed) > 0 && trimmed[0] == '{' && json.Valid(trimmed) {
		d := json.NewDecoder(bytes.NewReader(trimmed))
		d.UseNumber()
		return fromJSON(d, &left, 0)
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	if err := d.Decode(&doc); err != nil {
		if err == io.EOF {
			return nil, refuse("", "the template is empty")
		}
		return nil, refuse("", "the template is neither JSON nor YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := d.Decode(new(yaml.Node)); err != io.EOF {
		return nil, refuse("", "the file holds more than one document")
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		return nil, refuse("", "the template is empty")
	}
	return fromYAML(doc.Content[0], &left, 0)
}

func tooMuch(left *int, depth int) error {
	if *left--; *left < 0 || depth > maxDepth {
		return refuse("", "the template holds too much: over %d values, or %d levels", maxNodes, maxDepth)
	}
	return nil
}

func fromJSON(d *json.Decoder, left *int, depth int) (*node, error) {
	if err := tooMuch(left, depth); err != nil {
		return nil, err
	}
	token, err := d.Token()
	if err != nil {
		return nil, refuse("", "the template is no JSON: %v", err)
	}
	switch v := token.(type) {
	case nil:
		return &node{}, nil
	case string:
		return &node{kind: isString, text: v}, nil
	case bool:
		return &node{kind: isBool, text: fmt.Sprint(v)}, nil
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return &node{kind: isFloat, text: v.String()}, nil
		}
		return &node{kind: isInt, text: v.String()}, nil
	case json.Delim:
		n := &node{kind: isList}
		if v == '{' {
			n = &node{kind: isMap, fields: map[string]*node{}}
		}
		for d.More() {
			key := ""
			if n.kind == isMap {
				token, err := d.Token()
				if err != nil {
					return nil, refuse("", "the template is no JSON: %v", err)
				}
				key, _ = token.(string)
			}
			child, err := fromJSON(d, left, depth+1)
			if err != nil {
				return nil, err
			}
			if err := n.add(key, child); err != nil {
				return nil, err
			}
		}
		_, err := d.Token()
		return n, err
	}
	return nil, refuse("", "the template is no JSON")
}

func (n *node) add(key string, child *node) error {
	if n.kind == isList {
		n.list = append(n.list, child)
		return nil
	}
	if _, twice := n.fields[key]; twice {
		return refuse("", "%q is there twice in the same object", key)
	}
	n.keys, n.fields[key] = append(n.keys, key), child
	return nil
}

func fromYAML(y *yaml.Node, left *int, depth int) (*node, error) {
	if err := tooMuch(left, depth); err != nil {
		return nil, err
	}
	switch y.Kind {
	case yaml.AliasNode: // each use counts, so that few cannot stand for very many
		return fromYAML(y.Alias, left, depth+1)
	case yaml.SequenceNode:
		n := &node{kind: isList}
		for _, c := range y.Content {
			child, err := fromYAML(c, left, depth+1)
			if err != nil {
				return nil, err
			}
			n.list = append(n.list, child)
		}
		return n, nil
	case yaml.MappingNode:
		n := &node{kind: isMap, fields: map[string]*node{}}
		for i := 0; i+1 < len(y.Content); i += 2 {
			if y.Content[i].Kind != yaml.ScalarNode || y.Content[i].ShortTag() == "!!merge" {
				return nil, refuse("", "line %d: a key of an object is plain text", y.Content[i].Line)
			}
			child, err := fromYAML(y.Content[i+1], left, depth+1)
			if err == nil {
				err = n.add(y.Content[i].Value, child)
			}
			if err != nil {
				return nil, err
			}
		}
		return n, nil
	case yaml.ScalarNode:
		kinds := map[string]kind{"!!str": isString, "!!int": isInt, "!!float": isFloat, "!!bool": isBool, "!!null": isNull, "!!timestamp": isString}
		k, known := kinds[y.ShortTag()]
		if !known {
			return nil, refuse("", "line %d: values of the kind %s are not known in templates", y.Line, y.ShortTag())
		}
		return &node{kind: k, text: y.Value}, nil
	}
	return nil, refuse("", "line %d cannot be understood", y.Line)
}
