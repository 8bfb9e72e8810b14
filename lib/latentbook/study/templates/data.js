// What the page shows, as the script of its kind finds it.
const data = JSON.parse(document.getElementById("data").textContent);
