package mark

// maxDocuments is how many bytes of documents one run remembers.
const maxDocuments = 32 << 20

// documentNotes are the documents that this run has read.
type documentNotes struct {
	of    map[ID]documentNote
	texts map[string]string // theirs, each once
	bytes int               // of the texts
}

// noteDocument remembers a document for the next run.
func (m *Memory) noteDocument(id ID, n documentNote) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.documents.add(id, n)
}

func (d *documentNotes) add(id ID, n documentNote) {
	if d.bytes+len(n.text) > maxDocuments {
		return
	}
	if d.of == nil {
		d.of, d.texts = map[ID]documentNote{}, map[string]string{}
	}
	if text, ok := d.texts[n.text]; ok {
		n.text = text // many manifests say the same
	} else {
		d.texts[n.text] = n.text
		d.bytes += len(n.text)
	}
	d.of[id] = n
}
