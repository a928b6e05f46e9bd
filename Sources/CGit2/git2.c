#include "CGit2.h"

#include <malloc.h>

#include "late.h"

#include <git2/sys/odb_backend.h>

// libgit2's TLS library parses all certificates of the machine as libgit2 starts, which takes as long
// as the rest of a short command. The program speaks to remotes through `git` alone, so it exports
// this function: the loader finds it before the library's, and no certificate is read.
__attribute__((visibility("default"))) int mbedtls_x509_crt_parse_file(void *chain,
                                                                       const char *path) {
  (void)chain, (void)path;
  return 0;
}

#define LATE_LIBRARY "libgit2.so." LIBGIT2_SOVERSION

LATE(int, git_blob_create_from_workdir, (git_oid *id, git_repository *repo, const char
     *relative_path), (id, repo, relative_path))
LATE(void, git_blob_free, (git_blob *blob), (blob))
LATE(int, git_blob_lookup, (git_blob **blob, git_repository *repo, const git_oid *id), (blob, repo,
     id))
LATE(const void *, git_blob_rawcontent, (const git_blob *blob), (blob))
LATE(git_object_size_t, git_blob_rawsize, (const git_blob *blob), (blob))
LATE(int, git_branch_upstream_remote, (git_buf *buf, git_repository *repo, const char *refname),
     (buf, repo, refname))
LATE(void, git_buf_dispose, (git_buf *buffer), (buffer))
LATE(const git_signature *, git_commit_author, (const git_commit *commit), (commit))
LATE(int, git_commit_create, (git_oid *id, git_repository *repo, const char *update_ref, const
     git_signature *author, const git_signature *committer, const char *message_encoding, const char
     *message, const git_tree *tree, size_t parent_count, const git_commit *parents[]), (id, repo,
     update_ref, author, committer, message_encoding, message, tree, parent_count, parents))
LATE(void, git_commit_free, (git_commit *commit), (commit))
LATE(const git_oid *, git_commit_id, (const git_commit *commit), (commit))
LATE(int, git_commit_lookup, (git_commit **commit, git_repository *repo, const git_oid *id),
     (commit, repo, id))
LATE(const char *, git_commit_message, (const git_commit *commit), (commit))
LATE(const char *, git_commit_summary, (git_commit *commit), (commit))
LATE(int, git_commit_tree, (git_tree **tree_out, const git_commit *commit), (tree_out, commit))
LATE(git_time_t, git_commit_time, (const git_commit *commit), (commit))
LATE(const git_oid *, git_commit_tree_id, (const git_commit *commit), (commit))
LATE(void, git_error_clear, (void), ())
LATE(const git_error *, git_error_last, (void), ())
LATE(int, git_error_set_str, (int error_class, const char *string), (error_class, string))
LATE(int, git_ignore_add_rule, (git_repository *repo, const char *rules), (repo, rules))
LATE(int, git_index_add, (git_index *index, const git_index_entry *source_entry), (index,
     source_entry))
LATE(void, git_index_free, (git_index *index), (index))
LATE(int, git_index_new, (git_index **out), (out))
LATE(int, git_index_read_tree, (git_index *index, const git_tree *tree), (index, tree))
LATE(int, git_index_remove, (git_index *index, const char *path, int stage), (index, path, stage))
LATE(int, git_index_write_tree_to, (git_oid *out, git_index *index, git_repository *repo), (out,
     index, repo))
LATE(int, git_libgit2_init, (void), ())

int git_prepare(void) {
  mallopt(M_MMAP_THRESHOLD, 4 << 20);
  mallopt(M_TRIM_THRESHOLD, 32 << 20);
  LATE_POINTER(git_libgit2_opts)
  return function(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 0);
}

LATE(int, git_merge_base, (git_oid *out, git_repository *repo, const git_oid *one, const git_oid
     *two), (out, repo, one, two))
LATE(int, git_note_commit_create, (git_oid *notes_commit_out, git_oid *notes_blob_out,
     git_repository *repo, git_commit *parent, const git_signature *author, const git_signature
     *committer, const git_oid *oid, const char *note, int allow_note_overwrite), (notes_commit_out,
     notes_blob_out, repo, parent, author, committer, oid, note, allow_note_overwrite))
LATE(int, git_note_commit_iterator_new, (git_note_iterator **out, git_commit *notes_commit), (out,
     notes_commit))
LATE(int, git_note_commit_read, (git_note **out, git_repository *repo, git_commit *notes_commit,
     const git_oid *oid), (out, repo, notes_commit, oid))
LATE(void, git_note_free, (git_note *note), (note))
LATE(void, git_note_iterator_free, (git_note_iterator *it), (it))
LATE(const char *, git_note_message, (const git_note *note), (note))
LATE(int, git_note_next, (git_oid *note_id, git_oid *annotated_id, git_note_iterator *it), (note_id,
     annotated_id, it))
LATE(void, git_object_free, (git_object *object), (object))
LATE(int, git_object_peel, (git_object **peeled, const git_object *object, git_object_t
     target_type), (peeled, object, target_type))
LATE(int, git_odb_add_backend, (git_odb *odb, git_odb_backend *backend, int priority), (odb, backend,
     priority))
LATE(void *, git_odb_backend_data_alloc, (git_odb_backend *backend, size_t len), (backend, len))
LATE(void, git_odb_backend_data_free, (git_odb_backend *backend, void *data), (backend, data))
LATE(int, git_odb_foreach, (git_odb *db, git_odb_foreach_cb callback, void *payload), (db, callback,
     payload))
LATE(void, git_odb_free, (git_odb *db), (db))
LATE(void, git_odb_object_free, (git_odb_object *object), (object))
LATE(int, git_odb_read, (git_odb_object **out, git_odb *db, const git_oid *id), (out, db, id))
LATE(int, git_odb_read_header, (size_t *size, git_object_t *type, git_odb *db, const git_oid *id),
     (size, type, db, id))
LATE(int, git_odb_write, (git_oid *out, git_odb *odb, const void *data, size_t len, git_object_t
     type), (out, odb, data, len, type))
LATE(int, git_oid_cmp, (const git_oid *a, const git_oid *b), (a, b))
LATE(int, git_oid_equal, (const git_oid *a, const git_oid *b), (a, b))
LATE(int, git_oid_fromstr, (git_oid *out, const char *str), (out, str))
LATE(char *, git_oid_tostr, (char *out, size_t n, const git_oid *id), (out, n, id))
LATE(int, git_reference_create, (git_reference **out, git_repository *repo, const char *name, const
     git_oid *id, int force, const char *log_message), (out, repo, name, id, force, log_message))
LATE(void, git_reference_free, (git_reference *ref), (ref))
LATE(int, git_reference_lookup, (git_reference **out, git_repository *repo, const char *name), (out,
     repo, name))
LATE(int, git_reference_name_to_id, (git_oid *out, git_repository *repo, const char *name), (out,
     repo, name))
LATE(const char *, git_reference_symbolic_target, (const git_reference *ref), (ref))
LATE(void, git_remote_free, (git_remote *remote), (remote))
LATE(int, git_remote_list, (git_strarray *out, git_repository *repo), (out, repo))
LATE(int, git_remote_lookup, (git_remote **out, git_repository *repo, const char *name), (out, repo,
     name))
LATE(const char *, git_remote_url, (const git_remote *remote), (remote))
LATE(const char *, git_repository_commondir, (const git_repository *repo), (repo))
LATE(void, git_repository_free, (git_repository *repo), (repo))
LATE(int, git_repository_is_bare, (const git_repository *repo), (repo))
LATE(int, git_repository_odb, (git_odb **out, git_repository *repo), (out, repo))
LATE(int, git_repository_open_ext, (git_repository **out, const char *path, unsigned int flags,
     const char *ceiling_dirs), (out, path, flags, ceiling_dirs))
LATE(const char *, git_repository_path, (const git_repository *repo), (repo))
LATE(const char *, git_repository_workdir, (const git_repository *repo), (repo))
LATE(int, git_revparse_single, (git_object **out, git_repository *repo, const char *spec), (out,
     repo, spec))
LATE(void, git_revwalk_free, (git_revwalk *walk), (walk))
LATE(int, git_revwalk_hide, (git_revwalk *walk, const git_oid *commit_id), (walk, commit_id))
LATE(int, git_revwalk_new, (git_revwalk **out, git_repository *repo), (out, repo))
LATE(int, git_revwalk_next, (git_oid *out, git_revwalk *walk), (out, walk))
LATE(int, git_revwalk_push, (git_revwalk *walk, const git_oid *id), (walk, id))
LATE(void, git_signature_free, (git_signature *sig), (sig))
LATE(int, git_signature_new, (git_signature **out, const char *name, const char *email, git_time_t
     time, int offset), (out, name, email, time, offset))
LATE(const git_status_entry *, git_status_byindex, (git_status_list *statuslist, size_t idx),
     (statuslist, idx))
LATE(size_t, git_status_list_entrycount, (git_status_list *statuslist), (statuslist))
LATE(void, git_status_list_free, (git_status_list *statuslist), (statuslist))
LATE(int, git_status_list_new, (git_status_list **out, git_repository *repo, const
     git_status_options *opts), (out, repo, opts))
LATE(int, git_status_options_init, (git_status_options *opts, unsigned int version), (opts,
     version))
LATE(void, git_strarray_dispose, (git_strarray *array), (array))
LATE(void, git_submodule_free, (git_submodule *submodule), (submodule))
LATE(int, git_submodule_lookup, (git_submodule **out, git_repository *repo, const char *name), (out,
     repo, name))
LATE(const git_oid *, git_submodule_wd_id, (git_submodule *submodule), (submodule))
LATE(int, git_transaction_commit, (git_transaction *tx), (tx))
LATE(void, git_transaction_free, (git_transaction *tx), (tx))
LATE(int, git_transaction_lock_ref, (git_transaction *tx, const char *refname), (tx, refname))
LATE(int, git_transaction_new, (git_transaction **out, git_repository *repo), (out, repo))
LATE(int, git_transaction_set_target, (git_transaction *tx, const char *refname, const git_oid
     *target, const git_signature *sig, const char *msg), (tx, refname, target, sig, msg))
LATE(const git_tree_entry *, git_tree_entry_byindex, (const git_tree *tree, size_t idx), (tree,
     idx))
LATE(const git_tree_entry *, git_tree_entry_byname, (const git_tree *tree, const char *filename),
     (tree, filename))
LATE(int, git_tree_entry_bypath, (git_tree_entry **out, const git_tree *root, const char *path),
     (out, root, path))
LATE(git_filemode_t, git_tree_entry_filemode, (const git_tree_entry *entry), (entry))
LATE(void, git_tree_entry_free, (git_tree_entry *entry), (entry))
LATE(const git_oid *, git_tree_entry_id, (const git_tree_entry *entry), (entry))
LATE(const char *, git_tree_entry_name, (const git_tree_entry *entry), (entry))
LATE(git_object_t, git_tree_entry_type, (const git_tree_entry *entry), (entry))
LATE(size_t, git_tree_entrycount, (const git_tree *tree), (tree))
LATE(void, git_tree_free, (git_tree *tree), (tree))
LATE(const git_oid *, git_tree_id, (const git_tree *tree), (tree))
LATE(int, git_tree_lookup, (git_tree **out, git_repository *repo, const git_oid *id), (out, repo,
     id))
LATE(void, git_treebuilder_free, (git_treebuilder *bld), (bld))
LATE(int, git_treebuilder_insert, (const git_tree_entry **out, git_treebuilder *bld, const char
     *filename, const git_oid *id, git_filemode_t filemode), (out, bld, filename, id, filemode))
LATE(int, git_treebuilder_new, (git_treebuilder **out, git_repository *repo, const git_tree
     *source), (out, repo, source))
LATE(int, git_treebuilder_write, (git_oid *id, git_treebuilder *bld), (id, bld))
