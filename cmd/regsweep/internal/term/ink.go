package term

// Ink marks text for people on terminals; anywhere else it leaves it as it is.
type Ink struct{ On bool }

func (i Ink) code(code, text string) string {
	if !i.On || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Bold is for titles and outcomes.
func (i Ink) Bold(text string) string { return i.code("1", text) }

// Dim is for what matters less.
func (i Ink) Dim(text string) string { return i.code("2", text) }

// Red is for what is removed.
func (i Ink) Red(text string) string { return i.code("31", text) }

// Green is for what is kept.
func (i Ink) Green(text string) string { return i.code("32", text) }

// Yellow is for warnings.
func (i Ink) Yellow(text string) string { return i.code("33", text) }
