// The page works without this: it lets a picture be dropped anywhere, and shows what was chosen.
"use strict";
const file = document.querySelector("input[type=file]");
if (file) {
  const drop = document.querySelector(".drop");
  const preview = document.querySelector(".preview");
  const show = () => {
    if (preview.src) URL.revokeObjectURL(preview.src);
    preview.hidden = !file.files.length;
    if (file.files.length) {
      preview.src = URL.createObjectURL(file.files[0]);
      document.querySelector("input[name=text]").focus();
    }
  };
  preview.addEventListener("error", () => { preview.hidden = true; });
  file.addEventListener("change", show);
  addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  addEventListener("dragleave", () => drop.classList.remove("over"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    if (event.dataTransfer.files.length) { file.files = event.dataTransfer.files; show(); }
  });
}
for (const choice of document.querySelectorAll(".row select")) {
  choice.addEventListener("change", () => choice.form.submit());
}
