package mark

// maxDocuments is how many bytes of documents one run remembers.
const maxDocuments = 32 << 20

// noteDocument remembers a document for the next run.
func (m *Memory) noteDocument(id ID, n documentNote) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.documentBytes+len(n.text) > maxDocuments {
		return
	}
	if m.documents == nil {
		m.documents, m.texts = map[ID]documentNote{}, map[string]string{}
	}
	if text, ok := m.texts[n.text]; ok {
		n.text = text // many manifests say the same
	} else {
		m.texts[n.text] = n.text
		m.documentBytes += len(n.text)
	}
	m.documents[id] = n
}
