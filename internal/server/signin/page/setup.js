// The token of an invitation stands behind # in its link, where no server sees
// it. It is put into the field and taken out of the address.
const token = document.getElementById("token");
if (location.hash.length > 1) {
  token.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
}
