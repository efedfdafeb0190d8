package term

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// WriteTSV writes a list of structs as tab-separated values: the header and the
// order are the names in JSON; lists are joined by commas; nothing is null.
func WriteTSV(w io.Writer, rows any, header bool) error {
	list := reflect.ValueOf(rows)
	var text strings.Builder
	if header {
		names, _ := tsvFields(list.Type().Elem(), nil)
		text.WriteString(strings.Join(names, "\t") + "\n")
	}
	for i := range list.Len() {
		_, fields := tsvFields(list.Type().Elem(), nil)
		cells := make([]string, len(fields))
		for k, at := range fields {
			cells[k] = tsvCell(list.Index(i).FieldByIndex(at))
		}
		text.WriteString(strings.Join(cells, "\t") + "\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// tsvFields are the fields of a struct that JSON has, with those of structs in it.
func tsvFields(t reflect.Type, path []int) (names []string, fields [][]int) {
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(slices.Clone(path), i)
		if f.Anonymous {
			n, more := tsvFields(f.Type, at)
			names, fields = append(names, n...), append(fields, more...)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" || f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct {
			continue
		}
		names, fields = append(names, name), append(fields, at)
	}
	return names, fields
}

func tsvCell(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		return tsvCell(v.Elem())
	case reflect.Slice:
		cells := make([]string, v.Len())
		for i := range cells {
			cells[i] = tsvCell(v.Index(i))
		}
		return strings.Join(cells, ",")
	case reflect.Map:
		var cells []string
		for _, key := range v.MapKeys() {
			cells = append(cells, tsvCell(key)+"="+tsvCell(v.MapIndex(key)))
		}
		slices.Sort(cells)
		return strings.Join(cells, ",")
	case reflect.Int, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	}
	return Harmless(fmt.Sprint(v.Interface())) // a tab or a line feed in it is escaped
}
